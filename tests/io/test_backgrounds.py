"""Another background: the objects stay as they are, and nothing of them is left around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import packets, scene, write_results, write_video

from seem_video.io.backgrounds import CHROMA_GREEN, blur_outside
from seem_video.io.reader import open_reader


@pytest.mark.parametrize("save", ["green", "blur"])
def test_objects_times_and_sound_stay(tmp_path: Path, save: str):
    clip = write_video(tmp_path / "clip.mp4", scene(10), times=[0, 1, 2, 5, 6, 7, 8, 9, 12, 13], sound="aac")
    path, results = write_results(tmp_path / "out", save, clip)
    assert packets(path, "audio") == packets(clip, "audio")
    frames = list(open_reader(path))
    assert [frame.time_s for frame in frames] == [result.time_s for result in results]
    for frame, result in zip(frames, results, strict=True):
        inner = result.masks[0][2:10, 5:25]
        assert inner.all()
        assert (
            np.abs(frame.image[3:9, 6:24].astype(int) - result.image[3:9, 6:24]).mean() < 12
        )  # the chroma of 4:2:0 mixes with the green


def test_the_screen_is_green(tmp_path: Path):
    path, _ = write_results(tmp_path, "green", scene(3))
    for frame in open_reader(path):
        assert np.abs(frame.image[30:, 40:].astype(int) - CHROMA_GREEN).max() < 6


def test_an_object_does_not_glow_into_the_blur():
    image = np.full((120, 160, 3), (10, 60, 110), np.uint8)
    foreground = np.zeros((120, 160), bool)
    foreground[40:80, 60:100] = True
    image[foreground] = 255
    blurred = blur_outside(image, foreground)
    assert np.abs(blurred.astype(int) - (10, 60, 110))[~foreground].max() <= 1


def test_a_sharp_background_is_blurred_and_a_full_mask_is_no_trouble():
    image = np.zeros((120, 160, 3), np.uint8)
    image[:, ::8] = 255
    assert blur_outside(image, np.zeros((120, 160), bool)).std() < image.std() / 3
    assert blur_outside(image, np.ones((120, 160), bool)).shape == image.shape
