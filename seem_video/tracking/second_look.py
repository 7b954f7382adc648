"""A second look: what is prompted is decoded once more, from the mask it has; what is small, from close by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from seem_video.model.windows import OUTSIDE
from seem_video.prompts import PromptMaps
from seem_video.tracking.pixel_memory import PixelMemoryPropagator
from seem_video.tracking.propagation import Propagator, to_cells, to_frame

AROUND = 0.5
"""What is seen around an object on each side, in multiples of its longer side."""
LEAST_SIDE = 0.25
"""Least height and width of the part, as a share of the frame's shorter side."""
LARGEST_PART = 0.1
"""Share of the frame above which a part shows little that the frame does not."""


@dataclass(frozen=True)
class CloserLook:
    """An object on a part of the frame.

    Attributes:
        rows, columns: of the frame, in pixels. logits: (h, w) of its mask at stride 4 of that part's own encoding.
        quality: predicted IoU in 0..1.
    """

    rows: slice
    columns: slice
    logits: Tensor
    quality: Tensor

    def on_frame(self, height: int, width: int) -> npt.NDArray[np.float32]:
        """Mask logits of the whole frame (height, width)."""
        whole = np.full((height, width), OUTSIDE, np.float32)
        part = whole[self.rows, self.columns]
        part[:] = to_frame(self.logits, *part.shape)
        return whole


def see_on_frame(
    propagator: Propagator,
    image: npt.NDArray[np.uint8],
    features: Any,
    maps: PromptMaps,
    logits: Tensor,
    quality: Tensor,
    *,
    known: bool,
) -> tuple[npt.NDArray[np.float32], Tensor]:
    """Mask logits (H, W) of a prompted object on its frame, and its quality, after a second look.

    The mask that corrections begin from is still that of the first one: so models learn to correct.
    Released models look once.

    Args:
        propagator, image, maps: as for `look_closer`.
        features: of the frame. logits: (h, w) of the mask there. quality: of that.
        known: the object had a mask before it was prompted on this frame.
    """

    def shown(mask: Tensor) -> npt.NDArray[np.float32]:
        return to_frame(mask if known else without_untouched(mask, maps), *image.shape[:2])

    if not isinstance(propagator, PixelMemoryPropagator):
        return to_frame(logits, *image.shape[:2]), quality
    if (look := look_closer(propagator, image, maps, shown(logits))) is not None:
        return look.on_frame(*image.shape[:2]), look.quality
    again, quality = propagator.segment(features, [0], [[maps]], logits[None])
    return shown(again[0]), quality[0]


def without_untouched(logits: Tensor, maps: PromptMaps) -> Tensor:
    """An object (h, w), only pointed at, without the pieces that no click or stroke is on, unless all would go."""
    touched = (to_cells(maps.positive, logits) > 0) & (logits > 0)
    if maps.box is not None or maps.mask is not None or not touched.any():
        return logits
    _, piece = cv2.connectedComponents((logits > 0).cpu().numpy().astype(np.uint8))
    pieces = torch.from_numpy(piece).to(logits.device)
    return logits.masked_fill(~torch.isin(pieces, pieces[touched]) & (pieces > 0), OUTSIDE)


def look_closer(
    propagator: PixelMemoryPropagator,
    image: npt.NDArray[np.uint8],
    maps: PromptMaps,
    on_frame: npt.NDArray[np.float32],
) -> CloserLook | None:
    """Decode an object once more from close by, if it is small; None where it is not.

    Args:
        propagator: it is only asked to encode and segment. image: the frame (H, W, 3) uint8 RGB.
        maps: all that is marked of the object there. on_frame: (H, W) mask logits, which it begins from again.
    """
    place = _place(maps, on_frame > 0)
    if place is None:
        return None
    features = propagator.encode(np.ascontiguousarray(image[place]))
    start = torch.from_numpy(on_frame[place]).to(propagator.device)[None, None]
    cells = features.maps[0].shape[-2:]
    start = F.interpolate(start, size=cells, mode="bilinear", align_corners=False, antialias=True)[0]
    part = [[_part(maps, place)]]
    found, _ = propagator.segment(features, [0], part, start)  # from a mask of few cells
    found, quality = propagator.segment(features, [0], part, found)
    return CloserLook(*place, found[0], quality[0]) if (found > 0).any() else None


def _place(maps: PromptMaps, mask: npt.NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """Rows and columns around an object's box, or around its mask where it has none; None where that is not small."""
    region = (mask if maps.box is None else maps.box) | maps.positive
    if not region.any():
        return None
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    around = AROUND * max(np.ptp(rows), np.ptp(columns))
    least = LEAST_SIDE * min(region.shape)
    place = _around(rows, around, least, region.shape[0]), _around(columns, around, least, region.shape[1])
    return place if region[place].size <= LARGEST_PART * region.size else None


def _around(taken: npt.NDArray[np.intp], around: float, least: float, length: int) -> slice:
    """A span of an axis with what is taken in its middle, or as near to that as the axis of that length allows."""
    size = min(round(max(np.ptp(taken) + 1 + 2 * around, least)), length)
    start = round((taken[0] + taken[-1] + 1 - size) / 2)
    start = min(max(start, 0), length - size)
    return slice(start, start + size)


def _part(maps: PromptMaps, place: tuple[slice, slice]) -> PromptMaps:
    box, mask = (None if area is None else area[place] for area in (maps.box, maps.mask))
    return replace(maps, positive=maps.positive[place], negative=maps.negative[place], box=box, mask=mask)
