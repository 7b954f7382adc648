"""The second backend gives what the first one gives."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from clips import real_clip, scene, write_video

from seem_video.errors import SeemVideoError
from seem_video.io.reader import open_reader


def test_a_real_clip_is_the_same_to_within_rounding():
    pytest.importorskip("decord")
    path = real_clip("cup.mp4")
    pyav = open_reader(path, stop=20, stride=7)
    decord = open_reader(path, backend="decord", stop=20, stride=7)
    assert decord.info == pyav.info
    for one, other in zip(pyav, decord, strict=True):
        assert (one.index, one.pts, one.time_s) == (other.index, other.pts, other.time_s)
        assert np.abs(one.image.astype(int) - other.image).max() <= 2
    assert [frame.index for frame in decord.reversed(14)] == [14, 7, 0]
    assert np.abs(decord.read_at(9).image.astype(int) - pyav.read_at(9).image).max() <= 2


def test_without_decord_the_way_to_it_is_said(tmp_path, monkeypatch):
    path = write_video(tmp_path / "clip.mp4", scene(3))
    monkeypatch.setitem(sys.modules, "decord", None)
    with pytest.raises(SeemVideoError, match=r'pip install "seem-video\[decord\]"'):
        open_reader(path, backend="decord")
