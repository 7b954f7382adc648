"""The animations: short enough to send, and as long as the clip where that is short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import result_of, scene, write_results
from PIL import Image

from seem_video.io.frame import Frame, SourceInfo
from seem_video.io.output import Shot
from seem_video.io.preview import Preview
from seem_video.io.staging import Staged


def opened(path: Path) -> tuple[list[np.ndarray], list[int]]:
    """RGB and milliseconds of every frame."""
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        images, durations = [], []
        for number in range(image.n_frames):
            image.seek(number)
            images.append(np.array(image.convert("RGB")))
            durations.append(image.info["duration"])
    return images, durations


@pytest.mark.parametrize("save", ["gif", "webp"])
def test_a_short_clip_runs_at_its_own_speed(tmp_path: Path, save: str):
    path, results = write_results(tmp_path, save, scene(10))
    images, durations = opened(path)
    assert len(images) == 10
    assert durations == [40] * 10
    drawn = [Shot(result).drawn for result in results]
    for image, expected in zip(images, drawn, strict=True):
        assert np.abs(image.astype(int) - expected).mean() < 8


@pytest.mark.parametrize("frames", [1, 119, 1000])
def test_a_long_clip_becomes_a_short_animation(tmp_path: Path, frames: int):
    preview = Preview(Staged(tmp_path, "preview.gif"), SourceInfo("arrays", "arrays", 640, 360, fps=30.0))
    images = scene(20, 360, 640)
    for t in range(frames):
        preview.write(Shot(result_of(Frame(t, t / 30, None, images[t % 20]))))
        assert len(preview._stills.items) < 120
    assert preview.close()
    seen, durations = opened(preview.staged.publish())
    assert seen[0].shape == (180, 320, 3)
    assert len(seen) == {1: 1, 119: 119, 1000: 63}[frames]
    assert sum(durations) == pytest.approx({1: 30, 119: 119 / 30 * 1000, 1000: 6300}[frames], abs=10)
