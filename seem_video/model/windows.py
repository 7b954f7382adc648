"""Windows of a frame: what is computed for each object is computed where the object can be, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

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

    @property
    def size(self) -> tuple[int, int]:
        """Cells from top to bottom, and from left to right."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def grown(self, size: tuple[int, int], whole: tuple[int, int]) -> Window:
        """A window of a size that holds this one, inside a whole frame of so many rows and columns."""
        spans = []
        for span, length, most in zip((self.rows, self.columns), size, whole, strict=True):
            start = min(max(0, span.start - (length - span.stop + span.start) // 2), most - length)
            spans.append(slice(start, start + length))
        return Window(*spans)


def batches(windows: Sequence[Window]) -> Iterator[tuple[list[int], Callable[[Tensor, int], Tensor]]]:
    """Numbers of the windows of each size, and what cuts these, as one batch, out of maps (N, C, h, w) at a stride."""
    numbers: dict[tuple[int, int], list[int]] = {}
    for i, window in enumerate(windows):
        numbers.setdefault(window.size, []).append(i)
    for alike in numbers.values():
        yield alike, partial(_cut_each, windows, alike)


def _cut_each(windows: Sequence[Window], numbers: Sequence[int], x: Tensor, stride: int) -> Tensor:
    return torch.cat([windows[i].cut(x[i : i + 1], stride) for i in numbers])


def around(windows: Sequence[Window]) -> Window:
    """The smallest window that holds all of these."""
    rows, columns = (
        slice(min(span.start for span in spans), max(span.stop for span in spans))
        for spans in zip(*((window.rows, window.columns) for window in windows), strict=True)
    )
    return Window(rows, columns)


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

    def reached(self, x: Tensor) -> Tensor:
        """The part, a view, of a map (..., h, w) of the frame, at any stride, that the objects can be in."""
        return around(self.windows).cut(x, 4 * self.height // x.shape[-2]) if self.windows else x

    def dot(self, embedding: Tensor) -> Tensor:
        """Mask logits (N, Q, height, width) of mask embeddings (N, Q, C); `OUTSIDE` beyond any window."""
        if self.windows is None:
            return torch.einsum("nqc,nchw->nqhw", embedding, self.parts[0])
        logits = embedding.new_full((*embedding.shape[:2], self.height, self.width), OUTSIDE)
        for whole, own, part, window in zip(logits, embedding, self.parts, self.windows, strict=True):
            window.cut(whole, 4)[:] = torch.einsum("qc,chw->qhw", own, part[0])
        return logits
