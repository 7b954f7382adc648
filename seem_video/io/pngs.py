"""Folders with one PNG a frame, named by the frame's index in the source."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
from PIL import Image

from seem_video.io.frame import SourceInfo
from seem_video.io.output import Shot
from seem_video.io.palette import PALETTE
from seem_video.io.staging import Staged

_COMPRESSION = 3  # half the time of zlib's default for files of some kilobytes
RUNS = zlib.Z_RLE
"""zlib's strategy for maps of ids, whose rows are long runs: half the size, in the same time."""


def indexed(ids: npt.NDArray[np.uint8]) -> Image.Image:
    """A map (H, W) uint8 of ids as an indexed picture in the DAVIS palette."""
    image = Image.fromarray(ids)
    image.putpalette(PALETTE.tobytes())
    return image


class PngFolder(ABC):
    """Writes `00000.png`, `00001.png`, ...

    Attributes:
        strategy: zlib's, that fits what the pictures show.
    """

    strategy = zlib.Z_DEFAULT_STRATEGY

    def __init__(self, staged: Staged, info: SourceInfo) -> None:
        self.staged = staged
        self.staged.part.mkdir()
        self._empty = True

    @abstractmethod
    def picture(self, shot: Shot) -> Image.Image:
        """What is kept of a frame."""

    def write(self, shot: Shot) -> None:
        path = self.staged.part / f"{shot.result.index:05d}.png"
        self.picture(shot).save(path, "PNG", compress_level=_COMPRESSION, compress_type=self.strategy)
        self._empty = False

    def close(self) -> bool:
        return not self._empty

    salvage = close
