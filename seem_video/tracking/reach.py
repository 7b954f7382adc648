"""How far an object gets from one frame to the next; look-alikes farther away are other things."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from seem_video.model.head import MASK_STRIDE
from seem_video.model.windows import STRIDE, Window

REACH = 1 / 3
"""In multiples of its height and width."""
LEAST_REACH = 6
"""In cells of stride 4: a small thing, such as a ball, may well move by more than its own size."""
CELLS_A_BATCH = 64
"""Windows of another size, in a batch of their own, take as long as so many more cells do."""
STEP = 2
"""Windows are so many cells or a multiple high and wide: for a new size, a CPU compiles convolutions anew (3 ms)."""


def within_reach(masks: Tensor) -> Tensor:
    """Where objects may be on the next frame: the boxes of their (K, h, w) bool masks, grown on each side.

    An object that is not seen may come back anywhere.
    """
    sides = []
    for taken in (masks.any(2), masks.any(1)):
        first, last = _reached(taken)
        place = torch.arange(taken.shape[1], device=taken.device)
        sides.append((place >= first[:, None]) & (place <= last[:, None]))
    rows, columns = sides
    return rows[:, :, None] & columns[:, None, :]


def windows_of(masks: Tensor) -> list[Window]:
    """For each of (K, h, w) bool masks at stride 4, a window that holds all that is within its reach."""
    k = STRIDE // MASK_STRIDE
    height, width = masks.shape[1] // k, masks.shape[2] // k
    rows, columns = _spans(*_reached(masks.any(2)), height), _spans(*_reached(masks.any(1)), width)
    windows = [Window(*sides) for sides in zip(rows, columns, strict=True)]
    sizes = _fewer([window.size for window in windows])
    return [window.grown(size, (height, width)) for window, size in zip(windows, sizes, strict=True)]


def _fewer(sizes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Heights and widths of windows, of which some are larger so that more are alike, where that is faster."""
    chosen: dict[tuple[int, int], tuple[int, int]] = {}
    for height, width in sorted(set(sizes), key=prod, reverse=True):
        holding = [size for size in chosen.values() if size[0] >= height and size[1] >= width]
        nearest = min(holding, key=prod, default=(height, width))
        fits = prod(nearest) - height * width <= CELLS_A_BATCH
        chosen[height, width] = nearest if fits else (height, width)
    return [chosen[size] for size in sizes]


def _spans(first: Tensor, last: Tensor, length: int) -> list[slice]:
    """Spans of `length` cells of stride 16 that hold first to last, in cells of stride 4."""
    spans = []
    for begin, end in zip(first.tolist(), last.tolist(), strict=True):
        start = max(0, int(begin * MASK_STRIDE // STRIDE))
        stop = min(length, int(end * MASK_STRIDE // STRIDE) + 1)
        size = min(length, -(-(stop - start) // STEP) * STEP)
        start = min(start, length - size)
        spans.append(slice(start, start + size))
    return spans


def _reached(taken: Tensor) -> tuple[Tensor, Tensor]:
    """(K,) first and last place within reach of what is (K, L) taken along an axis; all of it where nothing is."""
    length = taken.shape[1]
    first = taken.int().argmax(1)
    last = length - 1 - taken.flip(1).int().argmax(1)
    reach = (REACH * (last - first + 1)).clamp(min=LEAST_REACH)
    seen = taken.any(1)
    return torch.where(seen, first - reach, 0), torch.where(seen, last + reach, length - 1)
