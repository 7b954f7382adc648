"""From a decoded picture to the RGB pixels that are displayed: size, colour matrix and range, orientation."""

from __future__ import annotations

import struct
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type
from av.video.reformatter import VideoReformatter

_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_ANY_MATRIX = 5  # RGB has none, but PyAV 14 ignores the source's where the two are alike


class RgbConverter:
    """Converts the pictures of one video to displayed RGB; those that change size midway take the first's.

    A video that does not say by which matrix its colours are coded is read by BT.601, as FFmpeg and every reader built
    on it do; range, matrix, depth and chroma layout are otherwise as the picture says, and alpha is dropped.
    """

    def __init__(self, first: av.VideoFrame) -> None:
        self._reformatter = VideoReformatter()
        self._size = first.width, first.height
        self._orientation = display_orientation(first)

    def __call__(self, picture: av.VideoFrame) -> npt.NDArray[np.uint8]:
        """Returns (H, W, 3) uint8 RGB, contiguous and writable."""
        rgb = self._reformatter.reformat(
            picture,
            *self._size,
            format="rgb24",
            dst_colorspace=_ANY_MATRIX,
            src_color_range=picture.color_range,
            dst_color_range=_FULL_RANGE,
            interpolation="BICUBIC",
        )
        return np.ascontiguousarray(_orient(rgb.to_ndarray(), self._orientation), dtype=np.uint8)


def display_orientation(picture: av.VideoFrame) -> tuple[bool, bool, bool]:
    """Whether the picture is to be transposed, then mirrored along x, then along y, to be displayed.

    It is read from the display matrix, `(x', y') = (a x + c y, b x + d y)` (FFmpeg's `libavutil/display.h`); an angle
    that is no multiple of 90 degrees is taken to the nearest one.
    """
    side_data: Any = picture.side_data
    if Type.DISPLAYMATRIX not in side_data:
        return False, False, False
    a, b, _, c, d, *_ = struct.unpack("=9i", memoryview(side_data[Type.DISPLAYMATRIX])[:36])
    if abs(a) + abs(d) < abs(b) + abs(c):
        return True, c < 0, b < 0
    return False, a < 0, d < 0


def rotation(orientation: tuple[bool, bool, bool]) -> int:
    """Degrees clockwise of an orientation; where it also mirrors along x, of what remains without that."""
    transposed, _, along_y = orientation
    return (90 if transposed else 0) + (180 if along_y else 0)


def _orient(image: npt.NDArray[Any], orientation: tuple[bool, bool, bool]) -> npt.NDArray[Any]:
    transposed, along_x, along_y = orientation
    if transposed:
        image = image.transpose(1, 0, 2)
    if along_x:
        image = image[:, ::-1]
    return image[::-1] if along_y else image
