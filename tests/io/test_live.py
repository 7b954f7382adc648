"""Streams and pipes, real ones: every frame unless told otherwise, and a proper end whatever the other side does."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from clips import scene
from streams import packed, tcp_sender

from seem_video.errors import SeemVideoError
from seem_video.io import ahead, live
from seem_video.io.reader import open_reader

COUNT = 40


@pytest.fixture(scope="module")
def pieces() -> list[bytes]:
    return packed(scene(COUNT))


def test_a_stream_gives_every_frame_to_a_caller_who_takes_longer(pieces: list[bytes]):
    with tcp_sender(pieces, at_once=20) as address, open_reader(address) as reader:
        frames = []
        for frame in reader:
            frames.append(frame)
            time.sleep(0.06)
    assert [frame.index for frame in frames] == list(range(COUNT))
    assert reader.broken is None
    assert reader.dropped == 0
    assert all(frame.arrived_s is not None for frame in frames)


def test_in_real_time_a_slow_caller_gets_the_newest_frames_by_their_true_numbers(pieces: list[bytes]):
    with tcp_sender(pieces, at_once=15) as address, open_reader(address, realtime=True) as reader:
        frames = []
        for frame in reader:
            frames.append(frame)
            time.sleep(0.2)
    indices = [frame.index for frame in frames]
    assert indices[0] == 0, "the first prompts are on it"
    assert indices == sorted(set(indices))
    assert indices[-1] == COUNT - 1
    assert reader.dropped == COUNT - len(frames) > COUNT / 2
    assert [frame.time_s for frame in frames] == pytest.approx([index / 25 for index in indices], abs=1e-3)
    for frame in frames:
        assert np.abs(frame.image.astype(int) - scene(COUNT)[frame.index]).mean() < 10


def test_a_stream_that_stalls_is_over_and_said_so(pieces: list[bytes], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "_PATIENCE_S", 2.0)
    with tcp_sender(pieces, at_once=COUNT, hangs=True) as address, open_reader(address) as reader:
        frames = list(reader)
    assert len(frames) >= COUNT - 1, "the last frame of MPEG-TS is whole only when another follows"
    assert reader.broken is not None
    assert reader.broken.startswith(f"'{address}' broke off: nothing more came")


def test_a_stream_that_never_begins_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "_PATIENCE_S", 1.0)
    with tcp_sender([], hangs=True) as address, pytest.raises(SeemVideoError, match="delivers nothing"):
        open_reader(address)


def test_a_sender_that_cannot_wait_is_left_in_a_sentence(pieces: list[bytes], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "_WAITING", ())
    monkeypatch.setattr(ahead, "_BACKLOG_BYTES", 0)  # eight frames
    with tcp_sender(pieces, at_once=COUNT) as address, open_reader(address) as reader:
        frames = iter(reader)
        first = next(frames)
        time.sleep(1.0)
        indices = [first.index, *(frame.index for frame in frames)]
    assert indices == list(range(len(indices)))
    assert 8 <= len(indices) < COUNT
    assert reader.broken is not None
    assert "--realtime" in reader.broken


def _feed(path: Path, pieces: list[bytes], *, hangs: threading.Event | None = None) -> threading.Thread:
    def write() -> None:
        with path.open("wb", buffering=0) as pipe:
            for piece in pieces:
                pipe.write(piece)
            if hangs:
                hangs.wait()

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_read_once_to_its_end(pieces: list[bytes], tmp_path: Path):
    os.mkfifo(tmp_path / "camera")
    writer = _feed(tmp_path / "camera", pieces)
    with open_reader(tmp_path / "camera") as reader:
        assert [frame.index for frame in reader] == list(range(COUNT))
        assert reader.broken is None
        with pytest.raises(SeemVideoError, match="only once"):
            list(reader)
    writer.join(10)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_that_stalls_is_over_and_said_so(pieces: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "_PATIENCE_S", 1.0)
    os.mkfifo(tmp_path / "camera")
    release = threading.Event()
    _feed(tmp_path / "camera", pieces, hangs=release)
    with open_reader(tmp_path / "camera") as reader:
        assert len(list(reader)) >= COUNT - 1
        assert reader.broken == "'camera' broke off: nothing more came."
    release.set()


def test_what_has_no_clock_is_not_read_in_real_time():
    with pytest.raises(SeemVideoError, match="no clock"):
        open_reader(scene(3), realtime=True)
