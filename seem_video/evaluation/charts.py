"""The report's charts as inline SVG: bars a sequence, J and F over time, one curve over correction rounds."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_BAR_WIDTH, _ROW = 480, 24
_WIDTH, _HEIGHT, _TOP, _LEFT = 330, 80, 22, 28
_TICKS = (0, 50, 100)  # percent


def bars(rows: Sequence[tuple[str, float, float]]) -> str:
    """Two horizontal bars a row: (name, J, F), each in 0..1, on a scale of percent."""
    label = 8 * max(len(name) for name, _, _ in rows) + 10
    height = _ROW * len(rows)
    parts = []
    for tick in _TICKS:
        x = label + _BAR_WIDTH * tick / 100
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{height + 14}" text-anchor="middle">{tick}</text>')
    for i, (name, j, f) in enumerate(rows):
        y = i * _ROW
        parts.append(f'<text x="{label - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>')
        for offset, kind, value in ((3, "j", j), (12, "f", f)):
            width = _BAR_WIDTH * value
            parts.append(f'<rect class="{kind}" x="{label}" y="{y + offset}" width="{width:.1f}" height="8"/>')
        for kind, end, value in (("j", 44, j), ("f", 88, f)):
            x = label + _BAR_WIDTH + end
            parts.append(f'<text class="{kind}" x="{x}" y="{y + 16}" text-anchor="end">{100 * value:.1f}</text>')
    return _svg(label + _BAR_WIDTH + 92, height + 20, parts)


def timeline(title: str, frames: Sequence[str], j: Sequence[float], f: Sequence[float]) -> str:
    """J and F of one object, in 0..1, over the evaluated frames of these names."""
    return _chart(title, (frames[0], frames[-1]), {"j": j, "f": f})


def curve(title: str, values: Sequence[float]) -> str:
    """One value in 0..1 a correction round."""
    return _chart(title, ("0", str(len(values) - 1)), {"j": values})


def _chart(title: str, ends: tuple[str, str], lines: dict[str, Sequence[float]]) -> str:
    """Lines over a common axis whose ends have names."""
    right, below = _LEFT + _WIDTH, _TOP + _HEIGHT + 15
    parts = [f'<text x="{_LEFT}" y="13">{escape(title)}</text>']
    for tick in _TICKS:
        y = _y(tick / 100)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>')
    for x, anchor, name in ((_LEFT, "start", ends[0]), (right, "end", ends[1])):
        parts.append(f'<text class="tick" x="{x}" y="{below}" text-anchor="{anchor}">{escape(name)}</text>')
    for kind, values in lines.items():
        step = _WIDTH / max(len(values) - 1, 1)
        points = " ".join(f"{_LEFT + i * step:.1f},{_y(value):.1f}" for i, value in enumerate(values))
        parts.append(f'<polyline class="{kind}" points="{points}"/>')
    return _svg(right + 4, below + 5, parts)


def _y(value: float) -> float:
    return _TOP + (1 - value) * _HEIGHT


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>{"".join(parts)}</svg>'
