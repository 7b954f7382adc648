"""From prompts to pixels of one frame, with everything refused that does not fit the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError
from seem_video.prompts.shapes import (
    Box,
    Click,
    Coordinate,
    MaskPrompt,
    Percent,
    Point,
    Polygon,
    Prompt,
    Reference,
    Scribble,
    Text,
)

# OpenCV fills polygons in 32-bit fixed point; beyond this a vertex is a slip of the hand, not the edge of an object.
_FARTHEST_VERTEX = 32_767


@dataclass(frozen=True)
class PromptMaps:
    """What one object's prompts say of one frame: the pixels they mark, the words, the other images.

    Attributes:
        positive: (H, W) bool, clicks (one pixel each) and strokes (one pixel wide) on the object.
        negative: (H, W) bool, the same off the object.
        box: (H, W) bool, the filled rectangles, clipped to the frame; None without a box.
        mask: (H, W) bool, polygons and given masks, filled; None without one.
        texts, references: as given.
    """

    positive: npt.NDArray[np.bool_]
    negative: npt.NDArray[np.bool_]
    box: npt.NDArray[np.bool_] | None
    mask: npt.NDArray[np.bool_] | None
    texts: tuple[Text, ...] = ()
    references: tuple[Reference, ...] = ()

    @property
    def only_mask(self) -> bool:
        """The mask is all there is."""
        others = (self.positive.any(), self.negative.any(), self.box is not None, self.texts, self.references)
        return self.mask is not None and not any(others)

    @property
    def names_object(self) -> bool:
        """Something says what the object is, not only what it is not."""
        return bool(self.on_object().any() or self.texts or self.references)

    def on_object(self) -> npt.NDArray[np.bool_]:
        """(H, W) bool, every pixel that any positive prompt marks, boxes and masks filled."""
        marked = self.positive.copy()
        for area in (self.box, self.mask):
            if area is not None:
                marked |= area
        return marked


def rasterise(prompts: Sequence[Prompt], height: int, width: int) -> PromptMaps:
    """Draws the prompts of one object on one frame of (height, width) pixels; several of a kind are united.

    Raises:
        SeemVideoError: as `to_pixels`.
    """
    strokes = {True: np.zeros((height, width), np.uint8), False: np.zeros((height, width), np.uint8)}
    areas: dict[str, npt.NDArray[np.bool_]] = {}

    def unite(name: str, pixels: npt.NDArray[np.bool_]) -> None:
        areas[name] = areas[name] | pixels if name in areas else pixels.copy()

    for prompt in prompts:
        match to_pixels(prompt, height, width):
            case Click(x, y, positive):
                strokes[positive][_resolve(y, height), _resolve(x, width)] = 1
            case Scribble(points, positive):
                # The first point stands twice: a line of one point would draw nothing.
                line = np.array([points[0], *points], np.int32)
                cv2.polylines(strokes[positive], [line], isClosed=False, color=1)
            case Box() as box:
                unite("box", _filled_box(box, height, width))
            case Polygon(points):
                unite("mask", _filled_polygon(points, height, width))
            case MaskPrompt(mask):
                unite("mask", mask)
    return PromptMaps(
        strokes[True].astype(bool),
        strokes[False].astype(bool),
        areas.get("box"),
        areas.get("mask"),
        tuple(prompt for prompt in prompts if isinstance(prompt, Text)),
        tuple(prompt for prompt in prompts if isinstance(prompt, Reference)),
    )


def to_pixels(prompt: Prompt, height: int, width: int) -> Prompt:
    """The same prompt in whole pixels of a (height, width) frame, percentages resolved and checked against the frame.

    Points (of clicks and scribbles) must lie inside the frame. Areas (boxes and polygons) may reach over its edge, but
    some of them must lie inside. Texts and reference images stay as they are.

    Raises:
        SeemVideoError: a point outside the frame, an area of no extent or wholly outside, a mask empty or of another
            size; the same on a reference image, or no region of it marked.
    """

    def pixel(x: Coordinate, y: Coordinate) -> tuple[int, int]:
        return _resolve(x, width), _resolve(y, height)

    match prompt:
        case Click(x, y, positive):
            placed = Click(*pixel(x, y), positive)
            _refuse_outside(prompt, [(placed.x, placed.y)], height, width)
            return placed
        case Scribble(points, positive):
            stroke = Scribble([pixel(x, y) for x, y in points], positive)
            _refuse_outside(prompt, stroke.points, height, width)
            return stroke
        case Box(x0, y0, x1, y1):
            _check_box(prompt, height, width)
            return Box(*pixel(x0, y0), *pixel(x1, y1))
        case Polygon(points):
            polygon = Polygon([pixel(x, y) for x, y in points])
            _check_polygon(polygon, prompt, height, width)
            return polygon
        case MaskPrompt(mask):
            _check_mask(mask, height, width)
            return prompt
        case Reference(image, region):
            _check_region(prompt, region, image)
            return prompt
        case Text():
            return prompt


def _resolve(value: Coordinate, size: int) -> int:
    return round(value.value / 100 * (size - 1)) if isinstance(value, Percent) else int(value)


def _refuse_outside(prompt: Prompt, points: Sequence[Point], height: int, width: int) -> None:
    for x, y in points:
        if not (0 <= _resolve(x, width) < width and 0 <= _resolve(y, height) < height):
            raise SeemVideoError(
                f"The {prompt} lies outside the {width}x{height} frame; "
                f"x runs from 0 to {width - 1}, y from 0 to {height - 1}, or write percent such as 50%,40%."
            )


def _corners(box: Box, height: int, width: int) -> tuple[int, int, int, int]:
    return _resolve(box.x0, width), _resolve(box.y0, height), _resolve(box.x1, width), _resolve(box.y1, height)


def _check_box(box: Box, height: int, width: int) -> None:
    x0, y0, x1, y1 = _corners(box, height, width)
    if x1 <= x0 or y1 <= y0:
        raise SeemVideoError(
            f"The {box} has no area; give its top left corner, then its bottom right one, with x0 < x1 and y0 < y1."
        )
    if x1 < 0 or y1 < 0 or x0 >= width or y0 >= height:
        raise SeemVideoError(f"The {box} lies wholly outside the {width}x{height} frame; put it over the object.")


def _filled_box(box: Box, height: int, width: int) -> npt.NDArray[np.bool_]:
    x0, y0, x1, y1 = _corners(box, height, width)
    filled = np.zeros((height, width), bool)
    filled[max(y0, 0) : y1 + 1, max(x0, 0) : x1 + 1] = True
    return filled


def _check_polygon(polygon: Polygon, given: Prompt, height: int, width: int) -> None:
    if any(abs(_resolve(value, 1)) > _FARTHEST_VERTEX for point in polygon.points for value in point):
        raise SeemVideoError(f"The {given} reaches far outside the {width}x{height} frame; give it in its pixels.")
    # The hull, because the signed area of an outline that crosses itself can cancel to nothing.
    if cv2.contourArea(cv2.convexHull(np.array(polygon.points, np.int32))) == 0:
        raise SeemVideoError(f"The {given} has no area; give three or more points that do not lie on one line.")
    if not _filled_polygon(polygon.points, height, width).any():
        raise SeemVideoError(f"The {given} lies wholly outside the {width}x{height} frame; put it over the object.")


def _filled_polygon(points: Sequence[Point], height: int, width: int) -> npt.NDArray[np.bool_]:
    filled = np.zeros((height, width), np.uint8)
    cv2.fillPoly(filled, [np.array(points, np.int32)], color=1)
    return filled.astype(bool)


def _check_region(reference: Reference, region: Sequence[Prompt], image: npt.NDArray[np.uint8]) -> None:
    try:
        marked = rasterise(region, *image.shape[:2]).on_object()
    except SeemVideoError as error:
        raise SeemVideoError(f"In the {reference}: {error}") from error
    if not marked.any():
        raise SeemVideoError(f"The {reference} has no region; mark the object in it with a positive prompt.")


def _check_mask(mask: npt.NDArray[np.bool_], height: int, width: int) -> None:
    if mask.shape != (height, width):
        raise SeemVideoError(
            f"The mask is {mask.shape[1]}x{mask.shape[0]} and the frame {width}x{height}; give one of the frame's size."
        )
    if not mask.any():
        raise SeemVideoError("The mask is empty; give one that marks at least one pixel of the object.")
