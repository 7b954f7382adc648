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
class Window:
    """The part of a frame that an object can be in: rows and columns of cells of `STRIDE` pixels."""

    rows: slice
    columns: slice

    def cut(self, x: Tensor, stride: int) -> Tensor:
        """The window's part, a view, of a map (..., h, w) of the frame at a stride; all cells that it touches."""
        rows, columns = (
            slice(span.start * STRIDE // stride, -(-span.stop * STRIDE // stride)) for span in (self.rows, self.columns)
        )
        return x[..., rows, columns]


def covered(windows: Sequence[Window], like: Tensor, stride: int) -> Tensor:
    """(h, w) bool: the cells of a map (..., h, w) of the frame at a stride that any of the windows touches."""
    cells = torch.zeros(like.shape[-2:], dtype=torch.bool, device=like.device)
    for window in windows:
        window.cut(cells, stride)[:] = True
    return cells


@dataclass(frozen=True)
class ObjectMaps:
    """Stride-4 features of N objects, which their masks are dotted from.

    Attributes:
        parts: (N, C, height, width), of the frame; with `windows` (1, C, h, w) for each object, of its window.
        height, width: the frame's, in cells of stride 4.
    """

    parts: Sequence[Tensor]
    windows: Sequence[Window] | None
    height: int
    width: int

    def reached(self, level: Tensor) -> Tensor | slice:
        """Which cells of a level (B, C, h, w) of the frame, in reading order, the objects can be in."""
        if self.windows is None:
            return slice(None)
        return covered(self.windows, level, 4 * self.height // level.shape[-2]).flatten()

    def dot(self, embedding: Tensor) -> Tensor:
        """Mask logits (N, Q, height, width) of mask embeddings (N, Q, C); `OUTSIDE` beyond any window."""
        if self.windows is None:
            return torch.einsum("nqc,nchw->nqhw", embedding, self.parts[0])
        logits = embedding.new_full((*embedding.shape[:2], self.height, self.width), OUTSIDE)
        for whole, own, part, window in zip(logits, embedding, self.parts, self.windows, strict=True):
            window.cut(whole, 4)[:] = torch.einsum("qc,chw->qhw", own, part[0])
        return logits
