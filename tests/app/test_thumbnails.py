"""The pictures along the slider stand where their frames are in time."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
from helpers import moving_square, write_clip
from PIL import Image

from seem_video.app.thumbnails import draw_strip


def test_the_strip_has_a_dozen_frames_in_their_order(tmp_path: Path):
    strip = _strip(write_clip(tmp_path / "clip.mp4", moving_square(36)), 36)
    assert strip.shape == (48, 12 * 72, 3)
    reddest = [int((part[..., 0] - part[..., 1]).max(0).argmax()) for part in np.split(strip, 12, axis=1)]
    assert reddest[0] < reddest[5] < reddest[11]


def test_a_clip_of_one_frame_has_a_strip_too(tmp_path: Path):
    assert _strip(write_clip(tmp_path / "clip.mp4", moving_square(1)), 1).shape == (48, 72, 3)


def _strip(clip: Path, frames: int) -> np.ndarray:
    found = re.search('base64,([^"]+)', draw_strip(clip, frames))
    assert found
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1])))).astype(int)
