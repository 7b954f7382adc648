"""What the hand did, as the page's script tells it: a stroke on a picture, a prompt with a tool; a colour chosen."""

from __future__ import annotations

import json

from seem_video.errors import SeemVideoError
from seem_video.io.palette import Color
from seem_video.prompts import Box, Click, Scribble, VisualPrompt

TOOLS = ("Click +", "Click −", "Box", "Scribble", "Eraser")
ADD, TAKE_AWAY, BOX, SCRIBBLE, ERASER = TOOLS
_MOST_POINTS = 2000
_SMALLEST_BOX = 3


def read_gesture(words: str, tool: str) -> VisualPrompt:
    """The prompt of a stroke.

    Args:
        words: JSON with `points`, a list of [x, y] in pixels of the picture, one for a click. tool: of `TOOLS`.

    Raises:
        SeemVideoError: the stroke is none, or is too small for a box.
    """
    points = _points(words)
    if tool == BOX:
        (x0, y0), (x1, y1) = points[0], points[-1]
        if min(abs(x1 - x0), abs(y1 - y0)) < _SMALLEST_BOX:
            raise SeemVideoError("Drag from one corner of the box to the opposite one.")
        return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    if tool in (SCRIBBLE, ERASER):
        return Scribble(points, positive=tool == SCRIBBLE)
    return Click(*points[0], positive=tool == ADD)


def read_color(words: str) -> Color:
    """The colour chosen; `words` is JSON with `color`, "#rrggbb". Raises `SeemVideoError` if it is none."""
    try:
        red, green, blue = bytes.fromhex(json.loads(words)["color"].removeprefix("#"))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SeemVideoError("That colour could not be read; choose it again.") from None
    return red, green, blue


def _points(words: str) -> list[tuple[int, int]]:
    try:
        points = [(int(x), int(y)) for x, y in json.loads(words)["points"]]
    except (ValueError, KeyError, TypeError, OverflowError):
        points = []
    if not 0 < len(points) <= _MOST_POINTS:
        raise SeemVideoError("That stroke could not be read; draw it again.")
    return points
