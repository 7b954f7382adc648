"""Arrays as frames: a list, a 4-D array, or anything that yields them one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError
from seem_video.io.frame import ASSUMED_FPS, Frame, SourceInfo
from seem_video.io.reader import FrameReader, IndexedReader, SpanReader


def open_arrays(source: Iterable[npt.NDArray[np.uint8]], span: range) -> FrameReader:
    """Opens arrays (H, W, 3) uint8 RGB of one size; a sequence can be read again and backwards, an iterator once.

    Raises:
        SeemVideoError: there is none, or the first is not an image.
    """
    if isinstance(source, Sequence | np.ndarray):
        if len(source) == 0:
            raise SeemVideoError("There are no arrays to read; give at least one (H, W, 3) uint8 RGB image.")
        return _SequenceReader(_info(source[0], len(source)), span, source)
    if not isinstance(source, Iterable):
        raise SeemVideoError(f"A source cannot be a {type(source).__name__}; give a path, a camera's number or arrays.")
    arrays = iter(source)
    first = next(arrays, None)
    if first is None:
        raise SeemVideoError("There are no arrays to read; give at least one (H, W, 3) uint8 RGB image.")
    return _IteratorReader(_info(first, None), span, chain((first,), arrays))


class _SequenceReader(IndexedReader):
    def __init__(self, info: SourceInfo, span: range, arrays: Sequence[npt.NDArray[np.uint8]] | np.ndarray) -> None:
        super().__init__(info, span, len(arrays))
        self._arrays = arrays

    def _load(self, index: int) -> Frame:
        return _frame(index, self._arrays[index], self.info)


class _IteratorReader(SpanReader):
    def __init__(self, info: SourceInfo, span: range, arrays: Iterator[npt.NDArray[np.uint8]]) -> None:
        super().__init__(info, span)
        self._arrays: Iterator[npt.NDArray[np.uint8]] | None = arrays

    def _forward(self, span: range) -> Iterator[Frame]:
        if self._arrays is None:
            raise self._read_once()
        arrays, self._arrays = self._arrays, None
        for index, array in enumerate(arrays):
            if index in span:
                yield _frame(index, array, self.info)
            if index >= span[-1]:
                return


def _info(first: npt.NDArray[np.uint8], count: int | None) -> SourceInfo:
    check_image(first, "Array 0")
    return SourceInfo(name="arrays", kind="arrays", width=first.shape[1], height=first.shape[0], frames=count)


def _frame(index: int, array: npt.NDArray[np.uint8], info: SourceInfo) -> Frame:
    check_image(array, f"Array {index}", (info.height, info.width))
    return Frame(index, index / ASSUMED_FPS, None, np.ascontiguousarray(array))


def check_image(array: Any, name: str, size: tuple[int, int] | None = None) -> None:
    """Sees to it that an array is an image (H, W, 3) uint8.

    Args:
        array: what is called `name` in the sentence.
        size: height and width of the first of its kind, which it must have too; None for any.

    Raises:
        SeemVideoError: it is of another shape or type.
    """
    shape: tuple[int, ...] = getattr(array, "shape", ())
    dtype = getattr(array, "dtype", type(array).__name__)
    if len(shape) != 3 or shape[2] != 3 or dtype != np.uint8 or 0 in shape:
        raise SeemVideoError(f"{name} is {dtype} of shape {shape}; an image is uint8 of shape (H, W, 3), RGB.")
    if size is not None and shape[:2] != size:
        raise SeemVideoError(
            f"{name} is {shape[1]}x{shape[0]}, but the first is {size[1]}x{size[0]}; scale them to one size."
        )
