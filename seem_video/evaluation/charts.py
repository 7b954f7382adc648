"""The report's charts as inline SVG: bars a sequence, J and F over time, one curve over correction rounds."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_BAR_WIDTH, _ROW = 420, 20
_WIDTH, _HEIGHT, _PAD = 280, 90, 4


def bars(rows: Sequence[tuple[str, float, float]]) -> str:
    """Two horizontal bars a row: (name, J, F), each in 0..1."""
    label = 8 * max(len(name) for name, _, _ in rows) + 10
    parts = []
    for i, (name, j, f) in enumerate(rows):
        y = i * _ROW
        parts.append(f'<text x="{label - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
        for offset, kind, value in ((2, "j", j), (10, "f", f)):
            width = _BAR_WIDTH * value
            parts.append(f'<rect class="{kind}" x="{label}" y="{y + offset}" width="{width:.1f}" height="7"/>')
        end = label + _BAR_WIDTH + 8
        parts.append(f'<text x="{end}" y="{y + 13}">{100 * j:.1f} / {100 * f:.1f}</text>')
    return _svg(label + _BAR_WIDTH + 110, _ROW * len(rows), parts)


def timeline(title: str, j: Sequence[float], f: Sequence[float]) -> str:
    """J and F of one object over the evaluated frames."""
    parts = [_frame(title), _line("j", j), _line("f", f)]
    return _svg(_WIDTH, _HEIGHT + 20, parts)


def curve(title: str, values: Sequence[float]) -> str:
    """One value a correction round."""
    return _svg(_WIDTH, _HEIGHT + 20, [_frame(title), _line("j", values)])


def _frame(title: str) -> str:
    grid = "".join(
        f'<line class="grid" x1="{_PAD}" x2="{_WIDTH - _PAD}" y1="{_y(v):.1f}" y2="{_y(v):.1f}"/>' for v in (0, 0.5, 1)
    )
    return f'<text x="{_PAD}" y="13">{escape(title)}</text>{grid}'


def _line(kind: str, values: Sequence[float]) -> str:
    step = (_WIDTH - 2 * _PAD) / max(len(values) - 1, 1)
    points = " ".join(f"{_PAD + i * step:.1f},{_y(value):.1f}" for i, value in enumerate(values))
    return f'<polyline class="{kind}" points="{points}"/>'


def _y(value: float) -> float:
    return 20 + _PAD + (1 - value) * (_HEIGHT - 2 * _PAD)


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'
