"""The objects cut out, with everything else transparent: as videos with an alpha channel and as PNGs."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from seem_video.io.coding import FrameTimes, YuvConverter, add_video, color_tags
from seem_video.io.frame import SourceInfo
from seem_video.io.output import Shot
from seem_video.io.pngs import PngFolder
from seem_video.io.staging import Staged

_MARGIN = 8  # pixels around the objects that keep their colour, so that lossy coding leaves no dark edge


@dataclass(frozen=True)
class AlphaCoding:
    """How a video with an alpha channel is coded.

    Attributes:
        container, codec, pix_fmt: FFmpeg's names; `pix_fmt` of the colours alone.
        pix_fmt_alpha: the one with an alpha plane.
        unit: seconds a unit of the container's times; None for the source's.
        options: the encoder's.
        container_options: the container's.
        metadata: the track's.
    """

    container: str
    codec: str
    pix_fmt: str
    pix_fmt_alpha: str
    unit: Fraction | None = None
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)


VP9 = AlphaCoding(
    container="webm",
    codec="libvpx-vp9",
    pix_fmt="yuv420p",
    pix_fmt_alpha="yuva420p",
    unit=Fraction(1, 1000),
    options={"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1", "auto-alt-ref": "0"},
    container_options={"fflags": "+bitexact"},  # else the file has a random number
    metadata={"alpha_mode": "1"},
)
PRORES_4444 = AlphaCoding(
    container="mov",
    codec="prores_ks",
    pix_fmt="yuv444p10le",
    pix_fmt_alpha="yuva444p10le",
    options={"profile": "4444", "alpha_bits": "8", "vendor": "apl0"},
)


class CutoutVideo:
    """Writes the objects with straight alpha, at the source's frame times, without sound."""

    def __init__(self, staged: Staged, info: SourceInfo, *, coding: AlphaCoding) -> None:
        self.staged = staged
        self._coding = coding
        self._times = FrameTimes(info, coding.unit)
        self._container: av.container.OutputContainer | None = av.open(
            str(staged.part), "w", format=coding.container, options=coding.container_options
        )
        self._stream = add_video(
            self._container, coding.codec, coding.pix_fmt_alpha, info, self._times.unit, **coding.options
        )
        self._stream.metadata.update(coding.metadata)
        self._to_yuv = YuvConverter(coding.pix_fmt, color_tags(info))

    def write(self, shot: Shot) -> None:
        near = cv2.dilate(shot.foreground.view(np.uint8), np.ones((2 * _MARGIN + 1, 2 * _MARGIN + 1), np.uint8))
        colors = self._to_yuv(np.asarray(cv2.bitwise_and(shot.result.image, shot.result.image, mask=near), np.uint8))
        picture = _add_alpha(colors, shot.foreground, self._coding.pix_fmt_alpha)
        picture.pts, picture.time_base = self._times.take(shot.result), self._times.unit
        assert self._container is not None
        self._container.mux(self._stream.encode(picture))

    def close(self) -> bool:
        if self._container is not None:
            container, self._container = self._container, None
            try:
                container.mux(self._stream.encode(None))
            finally:
                container.close()
        return self._times.first_index is not None

    salvage = close


class CutoutPngs(PngFolder):
    """Writes RGBA PNGs: the objects as they are, nothing beside them."""

    def picture(self, shot: Shot) -> Image.Image:
        return Image.fromarray(cut_out(shot.result.image, shot.foreground))


def cut_out(image: npt.NDArray[np.uint8], foreground: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The image (H, W, 3) uint8 RGB with the foreground (H, W) bool as alpha, black elsewhere: (H, W, 4) uint8 RGBA."""
    alpha = foreground.astype(np.uint8) * 255
    return np.dstack((cv2.bitwise_and(image, image, mask=alpha), alpha))


def _add_alpha(colors: av.VideoFrame, foreground: npt.NDArray[np.bool_], pix_fmt: str) -> av.VideoFrame:
    """The picture with an alpha plane, written here because swscale's is wrong at some rows' first pixels."""
    picture = av.VideoFrame(colors.width, colors.height, pix_fmt)
    bits = picture.format.components[-1].bits
    dtype = np.uint8 if bits == 8 else np.uint16
    for target, source in zip(picture.planes, colors.planes, strict=False):
        _samples(target, dtype)[:] = _samples(source, dtype)
    height, width = foreground.shape
    pad = (0, colors.height - height), (0, colors.width - width)
    _samples(picture.planes[-1], dtype)[:] = np.pad(foreground, pad, mode="edge") * dtype(2**bits - 1)
    return picture


def _samples(plane: Any, dtype: type[np.uint8] | type[np.uint16]) -> npt.NDArray[np.generic]:
    """The samples (H, W) of a picture's plane, which can be written."""
    return np.frombuffer(plane, dtype).reshape(plane.height, -1)[:, : plane.width]
