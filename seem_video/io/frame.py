"""One frame of a source, and what is known of the source before it is read through."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

ASSUMED_FPS = 25  # frames a second of a source that has no clock: images and arrays
MOST_PIXELS = 16_384 * 8_192
"""Of a frame; a damaged header that claims more would only fill the memory."""

SourceKind = Literal["video", "images", "image", "arrays", "camera", "stream"]


@dataclass(frozen=True)
class Frame:
    """One frame as displayed.

    Attributes:
        index: its number in the source, from 0.
        time_s: presentation time in seconds.
        pts: presentation timestamp in the source's time base; None where the source has none.
        image: (H, W, 3) uint8 RGB, rotation applied.
        arrived_s: when it came in, by `time.perf_counter`; None for a source that is not live.
    """

    index: int
    time_s: float
    pts: int | None
    image: npt.NDArray[np.uint8]
    arrived_s: float | None = None


class ColorTags(NamedTuple):
    """How a video's YCbCr samples stand for colours, in the code points of ITU-T H.273; 2 means unspecified."""

    matrix: int
    primaries: int
    transfer: int


@dataclass(frozen=True)
class SourceInfo:
    """What the reader sees of a source before reading it through.

    Attributes:
        name: file or folder name, address, or a word for what has neither.
        kind: what sort of source it is.
        width, height: size of the displayed frame in pixels, after rotation.
        fps: average frames a second; None where unknown.
        frames: the number of frames, by the header's claim or by counting files; None where unknown.
        duration_s: duration in seconds by the header's claim; None where unknown.
        codec, pix_fmt: names by FFmpeg; None for a source that is not a video.
        rotation: degrees by which the stored picture is turned clockwise for display: 0, 90, 180 or 270.
        has_audio: whether there is a sound track.
        path: the file or folder; None for what has none.
        time_base: seconds a unit of `Frame.pts`; None where frames have none.
        color: the video's colour tags; None for a source that is not a video.
        pixel_aspect: width to height of a displayed pixel.
    """

    name: str
    kind: SourceKind
    width: int
    height: int
    fps: float | None = None
    frames: int | None = None
    duration_s: float | None = None
    codec: str | None = None
    pix_fmt: str | None = None
    rotation: int = 0
    has_audio: bool = False
    path: Path | None = None
    time_base: Fraction | None = None
    color: ColorTags | None = None
    pixel_aspect: Fraction = Fraction(1)
