"""Reading beside the caller: no frame is lost without being asked for, and errors reach the caller."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from clips import scene, write_video

from seem_video.io.ahead import AheadReader
from seem_video.io.live import play
from seem_video.io.reader import open_reader


def test_a_slow_caller_gets_every_frame_and_the_source_waits():
    taken = []

    def generate() -> Iterator[np.ndarray]:
        for t, image in enumerate(scene(12)):
            taken.append(t)
            yield image

    reader = AheadReader(open_reader(generate()))
    frames = iter(reader)
    assert next(frames).index == 0
    time.sleep(0.2)
    assert len(taken) < 12
    assert [frame.index for frame in frames] == list(range(1, 12))
    assert reader.dropped == 0


def test_what_reading_raises_is_raised_where_frames_are_taken():
    reader = AheadReader(open_reader(iter([*scene(2), np.zeros((4, 4, 3), np.uint8)])))
    frames = iter(reader)
    assert [next(frames).index, next(frames).index] == [0, 1]
    with pytest.raises(Exception, match="Array 2"):
        next(frames)


def test_a_caller_that_leaves_ends_the_thread():
    frames = iter(AheadReader(open_reader(scene(50))))
    next(frames)
    frames.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "seem-video reader"]


def test_a_frame_can_be_fetched_while_others_are_read(tmp_path: Path):
    path = write_video(tmp_path / "clip.mp4", scene(30))
    expected = [frame.image.tobytes() for frame in open_reader(path)]
    reader = AheadReader(open_reader(path))
    for frame in reader:
        assert frame.image.tobytes() == expected[frame.index]
        assert reader.read_at(29 - frame.index).image.tobytes() == expected[29 - frame.index]


def test_a_video_in_real_time_takes_its_time_and_a_slow_caller_gets_the_newest(tmp_path: Path):
    path = write_video(tmp_path / "clip.mp4", scene(25))
    reader = play(open_reader(path))
    begun = time.perf_counter()
    frames = []
    for frame in reader:
        frames.append(frame)
        time.sleep(0.2)
    assert time.perf_counter() - begun >= 0.96, "25 frames last until 0.96 s"
    indices = [frame.index for frame in frames]
    assert indices[0] == 0
    assert indices[-1] == 24
    assert indices == sorted(set(indices))
    assert len(indices) + reader.dropped == 25
    assert reader.dropped > 10
    assert [frame.time_s for frame in frames] == pytest.approx([index / 25 for index in indices])
