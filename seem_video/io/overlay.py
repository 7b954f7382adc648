"""Drawing a frame's masks, their labels and the prompts given on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from seem_video.io.palette import Color, object_color
from seem_video.prompts import Box, Click, MaskPrompt, Polygon, Prompt, PromptEntry, Scribble
from seem_video.results import FrameResult

_OPACITY = 0.5
_WHITE, _RED = (255, 255, 255), (235, 40, 40)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_overlay(
    result: FrameResult, prompts: Sequence[PromptEntry] = (), colors: Mapping[int, Color] | None = None
) -> npt.NDArray[np.uint8]:
    """Draws each object in its own colour, translucent with a contour, the names that were given, and the prompts.

    Args:
        prompts: those given on this frame, in pixels.
        colors: object id to its colour, of those that have another one than the palette's.

    Returns:
        (H, W, 3) uint8 RGB, a new array.
    """
    image = result.image.copy()
    for object_id, mask, label in zip(result.object_ids, result.masks, result.labels, strict=True):
        box = cv2.boundingRect(mask.view(np.uint8))
        if box[2]:
            _draw_mask(image, mask, box, object_color(object_id, colors))
            if label != str(object_id):
                _draw_label(image, label, box, object_color(object_id, colors))
    for entry in prompts:
        draw_prompt(image, entry.prompt, object_color(entry.object_id, colors))
    return image


def draw_prompt(image: npt.NDArray[np.uint8], prompt: Prompt, color: Color) -> None:
    """Draws one prompt into `image`: negative ones red, the others in the object's colour, both edged in white."""
    width = line_width(image)
    match prompt:
        case Click(x, y, positive):
            _draw_click(image, (_pixel(x), _pixel(y)), positive, color)
        case Box(x0, y0, x1, y1):
            corners = (_pixel(x0), _pixel(y0)), (_pixel(x1), _pixel(y1))
            cv2.rectangle(image, *corners, _WHITE, 3 * width, cv2.LINE_AA)
            cv2.rectangle(image, *corners, color, width, cv2.LINE_AA)
        case Scribble(points, positive):
            _draw_line(image, points, color if positive else _RED, closed=False)
        case Polygon(points):
            _draw_line(image, points, color, closed=True)
        case MaskPrompt(mask):
            outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(image, outlines, -1, _WHITE, 2 * width)


def line_width(image: npt.NDArray[np.uint8]) -> int:
    """The thickness of lines, in pixels, that is visible at this image's size."""
    return max(1, round(min(image.shape[:2]) / 300))


def _draw_mask(image: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], box: Sequence[int], color: Color) -> None:
    """Tints the mask and draws its contour, touching nothing outside its box and the width of a line around it."""
    width = line_width(image)
    x, y, w, h = box
    window = slice(max(0, y - width), y + h + width), slice(max(0, x - width), x + w + width)
    region, inside = image[window], mask[window].view(np.uint8)
    tint = np.empty_like(region)
    tint[:] = color
    cv2.copyTo(cv2.addWeighted(region, 1 - _OPACITY, tint, _OPACITY, 0), inside, region)
    outlines, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(region, outlines, -1, _lighter(color), width)


def _draw_click(image: npt.NDArray[np.uint8], center: tuple[int, int], positive: bool, color: Color) -> None:
    width = line_width(image)
    radius = 5 * width
    cv2.circle(image, center, radius + 2 * width, _WHITE, cv2.FILLED, cv2.LINE_AA)
    cv2.circle(image, center, radius + width, color if positive else _RED, cv2.FILLED, cv2.LINE_AA)
    x, y = center
    arm = radius - width
    cv2.line(image, (x - arm, y), (x + arm, y), _WHITE, width, cv2.LINE_AA)
    if positive:
        cv2.line(image, (x, y - arm), (x, y + arm), _WHITE, width, cv2.LINE_AA)


def _draw_line(
    image: npt.NDArray[np.uint8], points: Sequence[tuple[object, object]], color: Color, closed: bool
) -> None:
    width = line_width(image)
    line = np.array([[_pixel(x), _pixel(y)] for x, y in (*points, points[-1])], np.int32)  # one point is a line too
    cv2.polylines(image, [line], closed, _WHITE, 4 * width, cv2.LINE_AA)
    cv2.polylines(image, [line], closed, color, 2 * width, cv2.LINE_AA)


def _draw_label(image: npt.NDArray[np.uint8], label: str, box: Sequence[int], color: Color) -> None:
    """Writes the label above the object's box, or inside where there is no room above."""
    width = line_width(image)
    (text_width, text_height), baseline = cv2.getTextSize(label, _FONT, 0.5 * width, width)
    x = max(0, min(box[0], image.shape[1] - text_width))
    y = box[1] - baseline if box[1] > text_height + 2 * baseline else box[1] + text_height + baseline
    cv2.rectangle(image, (x, y - text_height - baseline), (x + text_width, y + baseline), color, cv2.FILLED)
    cv2.putText(image, label, (x, y), _FONT, 0.5 * width, _WHITE, width, cv2.LINE_AA)


def _lighter(color: Color) -> Color:
    red, green, blue = color
    return (red + 255) // 2, (green + 255) // 2, (blue + 255) // 2


def _pixel(coordinate: object) -> int:
    if not isinstance(coordinate, int | np.integer):
        raise TypeError(f"{coordinate} is not in pixels")
    return int(coordinate)
