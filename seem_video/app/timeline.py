"""The timeline: a row an object, its score over the frames, so that one sees where to look."""

from __future__ import annotations

from collections.abc import Mapping

from seem_video.io.palette import Color

DOUBTFUL = 0.6
"""A score below this is marked as worth a look."""
_BINS = 240
_ROW, _GAP, _WIDTH = 22, 6, 960
_AMBER = "#f5a623"


def draw_timeline(
    scores: Mapping[int, Mapping[int, float]], colors: Mapping[int, Color], frames: int, current: int
) -> str:
    """HTML of the scores of each object, high bars for sure ones and amber for doubtful ones, and the frame in view.

    Without objects there is none: it is empty.

    Args:
        scores: by tracked frame, object id to score in 0..1; 0 where it is not visible.
        colors: object id to its colour, one a row. frames: of the clip. current: the frame in view.
    """
    if not colors:
        return ""
    height = len(colors) * (_ROW + _GAP)
    step = max(1, -(-frames // _BINS))
    parts = []
    for row, (object_id, color) in enumerate(colors.items()):
        top = row * (_ROW + _GAP)
        parts.append(f'<rect x="0" y="{top}" width="{_WIDTH}" height="{_ROW}" rx="3" class="ground"/>')
        for begin in range(0, frames, step):
            span = [scores[frame].get(object_id, 0.0) for frame in range(begin, begin + step) if frame in scores]
            if not span:
                continue
            score = min(span)
            x, width = _WIDTH * begin / frames, _WIDTH * step / frames
            tall = _ROW * score
            shade = _AMBER if score < DOUBTFUL else css_color(color)
            place = f'x="{x:.1f}" y="{top + _ROW - tall:.1f}" width="{width:.1f}" height="{tall:.1f}"'
            parts.append(f'<rect {place} fill="{shade}"/>')
    x = _WIDTH * (current + 0.5) / frames
    parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}" class="now"/>')
    return (
        "<p>Confidence</p>"
        f'<svg viewBox="0 0 {_WIDTH} {height}" preserveAspectRatio="none" shape-rendering="crispEdges" '
        f'style="height:{height}px" role="img" '
        f'aria-label="Confidence of each object over the frames">{"".join(parts)}</svg>'
    )


def css_color(color: Color) -> str:
    """`#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*color)
