"""Prompts made from ground truth, as a robot user would give them: always the same for the same mask."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from typing import Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from seem_video.prompts import Box, Click, MaskPrompt, Polygon, Prompt, Scribble

MaskInit = Literal["mask", "click", "box", "scribble", "polygon"]
MASK_INITS: tuple[MaskInit, ...] = ("mask", "click", "box", "scribble", "polygon")

Mask = npt.NDArray[np.bool_]
Point = tuple[int, int]

_POLYGON_TOLERANCE = 2.0  # pixels by which a drawn outline may leave the true one
_STROKE_INSET = 0.15  # a stroke keeps this share of the root of the object's area away from its outline,
_MAX_STROKE_INSET = 16  # but no more pixels than this, nor than half the object's depth


class Correction(NamedTuple):
    """A click of the robot user, to be given as `Click(*correction)`."""

    x: int
    y: int
    positive: bool


def prompt_from_mask(mask: Mask, init: MaskInit) -> Prompt:
    """The prompt of kind `init` for the object of a (H, W) bool mask; raises ValueError if the mask is empty.

    mask: the mask itself. click: its point farthest from all that is not it. box: the tight rectangle. scribble: a
    stroke along its skeleton. polygon: the outline of its largest part, to within two pixels.
    """
    if not mask.any():
        raise ValueError("an empty mask gives no prompt")
    match init:
        case "mask":
            return MaskPrompt(mask)
        case "click":
            return Click(*deepest_point(mask))
        case "box":
            x0, y0, x1, y1 = _tight_box(mask)
            return Box(x0, y0, x1, y1)
        case "scribble":
            return Scribble(skeleton_stroke(mask))
        case "polygon":
            return Polygon(_outline(mask))


def deepest_point(mask: Mask) -> Point:
    """The pixel (x, y) of a mask farthest from its outside, the frame's edge included; the first in reading order."""
    return _first_maximum(_depth(mask))


def correction_click(truth: Mask, prediction: Mask, clicked: Collection[Correction] = ()) -> Correction | None:
    """The next click of a robot user: at the deepest point of the error, positive where the object is missed.

    `truth` and `prediction` are (H, W) bool; at the pixels of `clicked` it does not click again. None where nothing is
    wrong. This is the protocol of interactive segmentation (Xu et al., "Deep Interactive Object Selection", CVPR 2016)
    with the centre of an error region taken by the distance transform.
    """
    missed, excess = (_depth(error) for error in (truth & ~prediction, prediction & ~truth))
    for x, y, _ in clicked:
        missed[y, x] = excess[y, x] = 0
    positive = bool(missed.max(initial=0) >= excess.max(initial=0))
    depth = missed if positive else excess
    if depth.max(initial=0) == 0:
        return None
    return Correction(*_first_maximum(depth), positive)


def skeleton_stroke(mask: Mask) -> list[Point]:
    """The longest path through the skeleton of a mask, as neighbouring pixels (x, y).

    The skeleton is that of the mask's largest part after its rim is taken off, since people draw inside an object.
    """
    inset = min(_STROKE_INSET * math.sqrt(np.count_nonzero(mask)), _MAX_STROKE_INSET)
    depth = _depth(mask)
    core = depth > min(inset, math.sqrt(depth.max()) / 2) ** 2
    x0, y0, part = _largest_part(core)
    stroke = [(x + x0, y + y0) for x, y in _longest_path(_thin(part))]
    return stroke if len(stroke) > 1 else stroke * 2  # a line has two ends


def _depth(mask: Mask) -> npt.NDArray[np.int64]:
    """Squared distance of each pixel of a mask to the nearest outside it, whole so that ties are ties; 0 outside."""
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    return np.rint(distance.astype(np.float64) ** 2).astype(np.int64)


def _first_maximum(depth: npt.NDArray[np.int64]) -> Point:
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return int(x), int(y)


def _tight_box(mask: Mask) -> tuple[int, int, int, int]:
    """(x0, y0, x1, y1), both corners included, at least two pixels wide and high so that it has an area."""
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    return x, y, x + max(w, 2) - 1, y + max(h, 2) - 1


def _outline(mask: Mask) -> list[Point]:
    """The corners of the largest outer contour, or of the tight box where the contour has no area."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    corners = cv2.approxPolyDP(max(contours, key=cv2.contourArea), _POLYGON_TOLERANCE, closed=True)
    if cv2.contourArea(corners) == 0:
        x0, y0, x1, y1 = _tight_box(mask)
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return [(int(x), int(y)) for x, y in corners.reshape(-1, 2)]


def _largest_part(mask: Mask) -> tuple[int, int, Mask]:
    """The largest 8-connected part: left and top of its box, and the part cropped to that box."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    label = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    x, y, w, h = (int(v) for v in stats[label, :4])
    return x, y, labels[y : y + h, x : x + w] == label


def _thin(mask: Mask) -> Mask:
    """The one-pixel-wide skeleton of a mask (Zhang and Suen, "A Fast Parallel Algorithm for Thinning", CACM 1984)."""
    image = np.pad(mask, 1)
    while True:
        before = np.count_nonzero(image)
        for step in (0, 1):
            # The eight neighbours, clockwise from the one above: P2 to P9 in the paper.
            ring = [np.roll(image, shift, (0, 1)) for shift in _RING]
            around = sum(n.astype(np.uint8) for n in ring)
            turns = sum((~a & b).astype(np.uint8) for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
            north, east, south, west = ring[0::2]
            if step == 0:
                open_sides = ~(north & east & south) & ~(east & south & west)
            else:
                open_sides = ~(north & east & west) & ~(north & south & west)
            image = image & ~((around >= 2) & (around <= 6) & (turns == 1) & open_sides)
        if np.count_nonzero(image) == before:
            return image[1:-1, 1:-1]


_RING = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))


def _longest_path(skeleton: Mask) -> list[Point]:
    """The path between the two pixels that lie farthest apart along an 8-connected skeleton."""
    pixels = {(int(x), int(y)) for y, x in np.argwhere(skeleton)}
    start = min(pixels, key=lambda p: (p[1], p[0]))
    end = _walk(pixels, start)[-1]
    return _walk(pixels, end)


def _walk(pixels: set[Point], start: Point) -> list[Point]:
    """The shortest path from `start` to the pixel that is farthest from it, breadth first."""
    came_from: dict[Point, Point | None] = {start: None}
    queue = deque([start])
    last = start
    while queue:
        last = queue.popleft()
        for dy, dx in _RING:
            neighbour = last[0] + dx, last[1] + dy
            if neighbour in pixels and neighbour not in came_from:
                came_from[neighbour] = last
                queue.append(neighbour)
    path = [last]
    while (step := came_from[path[-1]]) is not None:
        path.append(step)
    return path[::-1]
