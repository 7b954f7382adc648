"""Small animations of the result, for a chat or a README."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from seem_video.io.frame import ASSUMED_FPS, SourceInfo
from seem_video.io.output import EvenChoice, Shot
from seem_video.io.staging import Staged

_SIDE = 320  # pixels, of the longer side
_MOST_FRAMES = 120
_LONGEST_S = 0.1  # that a frame is shown: longer clips play faster
_TICK_MS = 10  # a GIF counts time in hundredths of a second
_OPTIONS: dict[str, dict[str, Any]] = {
    "GIF": {"optimize": False},
    "WEBP": {"quality": 75, "method": 2},
}


class _Still(NamedTuple):
    time_s: float
    image: npt.NDArray[np.uint8]


class Preview:
    """Loops at most 120 small frames with the masks drawn, as a GIF or a WebP by the suffix of the name.

    A clip of some seconds runs at its own speed, a longer one faster.
    """

    def __init__(self, staged: Staged, info: SourceInfo) -> None:
        self.staged = staged
        self._format = staged.final.suffix[1:].upper()
        self._stills: EvenChoice[_Still] = EvenChoice(_MOST_FRAMES)
        self._step_s = 1 / (info.fps or ASSUMED_FPS)

    def write(self, shot: Shot) -> None:
        self._stills.offer(lambda: _Still(shot.result.time_s, _shrink(shot.drawn)))

    def close(self) -> bool:
        stills = self._stills.items
        if not stills:
            return False
        first, *rest = (Image.fromarray(still.image) for still in stills)
        first.save(
            self.staged.part,
            self._format,
            save_all=True,
            append_images=rest,
            duration=_durations([still.time_s for still in stills], self._step_s),
            loop=0,
            **_OPTIONS[self._format],
        )
        return True

    salvage = close


def _durations(times_s: list[float], step_s: float) -> list[int]:
    """Milliseconds that each frame is shown, in whole ticks whose sum does not drift."""
    last_s = times_s[-1] - times_s[-2] if len(times_s) > 1 else step_s
    steps = np.clip(np.append(np.diff(times_s), last_s), 0, _LONGEST_S)
    ends = np.round(np.cumsum(steps) * 1000 / _TICK_MS).astype(int)
    return [max(_TICK_MS, int(ticks) * _TICK_MS) for ticks in np.diff(ends, prepend=0)]


def _shrink(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
