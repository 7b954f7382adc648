"""How far an object gets from one frame to the next; look-alikes farther away are other things."""

from __future__ import annotations

import torch
from torch import Tensor

from seem_video.model.seem import MASK_STRIDE
from seem_video.model.windows import STRIDE, Windows

REACH = 0.5
"""In multiples of its height and width."""
MARGIN = 2
"""Cells of stride 16 that are looked at around that, for what is in reach to be seen in its surroundings."""
STEP = 4
"""Windows are so many cells or a multiple high and wide: for each new size, a CPU's convolutions are compiled anew."""


def within_reach(masks: Tensor) -> Tensor:
    """Where objects may be on the next frame: the boxes of their (K, h, w) bool masks, grown by `REACH` on each side.

    An object that is not seen may come back anywhere.
    """
    sides = []
    for taken in (masks.any(2), masks.any(1)):
        first, last = _reached(taken)
        place = torch.arange(taken.shape[1], device=taken.device)
        sides.append((place >= first[:, None]) & (place <= last[:, None]))
    rows, columns = sides
    return rows[:, :, None] & columns[:, None, :]


def windows_of(masks: Tensor) -> Windows | None:
    """Windows that hold all that is within reach of (K, h, w) bool masks at stride 4; None where they are the frame."""
    k = STRIDE // MASK_STRIDE
    height, width = masks.shape[1] // k, masks.shape[2] // k
    tops, rows = _spans(*_reached(masks.any(2)), k, height)
    lefts, columns = _spans(*_reached(masks.any(1)), k, width)
    return Windows(rows, columns, tops, lefts, height, width) if (rows, columns) != (height, width) else None


def _spans(first: Tensor, last: Tensor, k: int, length: int) -> tuple[list[int], int]:
    """The starts and the one length, of `length` coarse cells, of spans that hold first to last, in k-th cells."""
    starts = [max(0, int(each // k) - MARGIN) for each in first.tolist()]
    ends = [min(length, int(each // k) + 1 + MARGIN) for each in last.tolist()]
    longest = max(end - start for start, end in zip(starts, ends, strict=True))
    longest = min(length, -(-longest // STEP) * STEP)
    return [min(start, length - longest) for start in starts], longest


def _reached(taken: Tensor) -> tuple[Tensor, Tensor]:
    """(K,) first and last place within reach of what is (K, L) taken along an axis; all of it where nothing is."""
    length = taken.shape[1]
    first = taken.int().argmax(1)
    last = length - 1 - taken.flip(1).int().argmax(1)
    reach = REACH * (last - first + 1)
    seen = taken.any(1)
    return torch.where(seen, first - reach, 0), torch.where(seen, last + reach, length - 1)
