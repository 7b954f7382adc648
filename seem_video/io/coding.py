"""What all encoders of video share: the times of frames, the tags of colours, and the way from RGB to coded samples."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import VideoReformatter

from seem_video.io.frame import ASSUMED_FPS, ColorTags, SourceInfo
from seem_video.results import FrameResult

_CLOCK = Fraction(1, 90_000)  # for sources without timestamps; divides 24, 25, 30, 50 and 60 frames a second
_BT601 = ColorTags(matrix=6, primaries=6, transfer=6)
_BT709 = ColorTags(matrix=1, primaries=1, transfer=1)
_HD_HEIGHT = 720
_LIMITED_RANGE, _FULL_RANGE = 1, 2
_SWS_MATRICES = {1: 1, 4: 4, 7: 7, 9: 9, 10: 9}  # H.273 matrix -> swscale's; BT.601 for the rest, as in reading
_SWS_BT601 = 5


class FrameTimes:
    """The times of the frames written: the source's, where two may not be the same.

    Attributes:
        unit: seconds a unit of the times below; the source's time base unless another is given.
        first_index: source index of the first frame; None before it.
        first, last: times of the first and the last frame.
        step: how long the last one is shown.
    """

    def __init__(self, info: SourceInfo, unit: Fraction | None = None) -> None:
        self.unit = unit or info.time_base or _CLOCK
        self.first_index: int | None = None
        self.first = self.last = 0
        self.step = max(1, round(1 / frame_rate(info) / self.unit))
        self._has_timestamps = self.unit == info.time_base

    def take(self, result: FrameResult) -> int:
        """The time of the next frame, greater than that of the frame before."""
        time = result.pts if self._has_timestamps else None
        if time is None:
            time = round(result.time_s / self.unit)
        if self.first_index is None:
            self.first_index, self.first = result.index, time
        else:
            time = max(time, self.last + 1)
            self.step = time - self.last
        self.last = time
        return time


class YuvConverter:
    """Converts RGB images to pictures of limited range in `pix_fmt`, by the matrix of the tags."""

    def __init__(self, pix_fmt: str, tags: ColorTags) -> None:
        self._pix_fmt = pix_fmt
        self._matrix = _SWS_MATRICES.get(tags.matrix, _SWS_BT601)
        self._even = "420" in pix_fmt
        self._reformatter = VideoReformatter()

    def __call__(self, image: npt.NDArray[np.uint8]) -> av.VideoFrame:
        """The picture, its last column and row repeated where 4:2:0 needs even sizes."""
        odd_height, odd_width = image.shape[0] % 2, image.shape[1] % 2
        if self._even and (odd_height or odd_width):
            image = np.asarray(cv2.copyMakeBorder(image, 0, odd_height, 0, odd_width, cv2.BORDER_REPLICATE), np.uint8)
        return self._reformatter.reformat(
            av.VideoFrame.from_ndarray(image, format="rgb24"),
            format=self._pix_fmt,
            dst_colorspace=self._matrix,
            src_color_range=_FULL_RANGE,
            dst_color_range=_LIMITED_RANGE,
        )


def add_video(
    container: av.container.OutputContainer, codec: str, pix_fmt: str, info: SourceInfo, unit: Fraction, **options: str
) -> av.VideoStream:
    """Adds a track for pictures of the source's size, pixel aspect and colour tags, timed in `unit` seconds."""
    stream = container.add_stream(codec, rate=frame_rate(info), options=options)
    assert isinstance(stream, av.VideoStream)
    even = "420" in pix_fmt
    stream.width, stream.height = info.width + (even and info.width % 2), info.height + (even and info.height % 2)
    stream.pix_fmt = pix_fmt
    stream.time_base = unit
    context = stream.codec_context
    context.time_base = unit
    context.sample_aspect_ratio = info.pixel_aspect
    context.color_range = _LIMITED_RANGE
    context.colorspace, context.color_primaries, context.color_trc = color_tags(info)
    return stream


def frame_rate(info: SourceInfo) -> Fraction:
    """Frames a second, for the encoder's rate control and where times do not say."""
    return max(Fraction(1), Fraction(info.fps or ASSUMED_FPS).limit_denominator(1001))


def color_tags(info: SourceInfo) -> ColorTags:
    """How an output's colours are tagged: as the source's; a source that has RGB takes what its height calls for."""
    if info.color is not None and info.color.matrix != 0:
        return info.color
    return _BT709 if info.height >= _HD_HEIGHT else _BT601
