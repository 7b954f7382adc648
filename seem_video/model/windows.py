"""Windows of a frame: what is computed for each object is computed where the object can be, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

STRIDE = 16
OUTSIDE = -12.0
"""Logit of a mask where nothing is decoded: beyond its window, or beyond the picture."""


@dataclass(frozen=True)
class Windows:
    """A window for each of N objects, of one size so that they stay one batch; in cells of stride 16.

    Attributes:
        rows, columns: the size. tops, lefts: the first row and column of each.
        height, width: the frame's.
    """

    rows: int
    columns: int
    tops: Sequence[int]
    lefts: Sequence[int]
    height: int
    width: int

    @property
    def extent(self) -> tuple[slice, slice]:
        """The rows and columns that have all windows in them."""
        return (
            slice(min(self.tops), max(self.tops) + self.rows),
            slice(min(self.lefts), max(self.lefts) + self.columns),
        )

    def cut(self, x: Tensor) -> Tensor:
        """The windows' shares (N, C, rows * k, columns * k) of maps (N, C, height * k, width * k)."""
        k = x.shape[-1] // self.width
        return torch.stack(
            [
                each[:, top * k : (top + self.rows) * k, left * k : (left + self.columns) * k]
                for each, top, left in zip(x, self.tops, self.lefts, strict=True)
            ]
        )

    def paste(self, x: Tensor) -> Tensor:
        """Mask logits (N, Q, rows * k, columns * k) on the whole frame: (N, Q, height * k, width * k)."""
        k = x.shape[-1] // self.columns
        whole = x.new_full((*x.shape[:2], self.height * k, self.width * k), OUTSIDE)
        for each, own, top, left in zip(whole, x, self.tops, self.lefts, strict=True):
            each[:, top * k : (top + self.rows) * k, left * k : (left + self.columns) * k] = own
        return whole
