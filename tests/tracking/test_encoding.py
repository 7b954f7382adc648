"""Frames encoded ahead come in order, each with its own features, and so does what goes wrong."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from seem_video.errors import SeemVideoError
from seem_video.io.reader import Frame
from seem_video.tracking.encoding import encode_ahead


def _frames(count: int, *, broken: bool = False) -> Iterator[tuple[Frame, bool]]:
    for i in range(count):
        yield Frame(i, i / 10, None, np.zeros((2, 2, 3), np.uint8)), i > 1
    if broken:
        raise SeemVideoError("It broke off.")


def _index(frame: Frame) -> int:
    return frame.index


@pytest.mark.parametrize("encoders", [0, 1, 2])
def test_each_frame_has_its_own_features(encoders: int) -> None:
    got = list(encode_ahead(_frames(7), _index, lambda: True, encoders))
    assert [(frame.index, is_asked_for) for frame, is_asked_for, _ in got] == [(i, i > 1) for i in range(7)]
    assert [features and features.result() for _, _, features in got] == (list(range(7)) if encoders else [None] * 7)


def test_a_frame_is_encoded_while_one_before_it_is_tracked() -> None:
    begun = threading.Event()

    def encode(frame: Frame) -> int:
        if frame.index == 2:
            begun.set()
        return frame.index

    ahead = encode_ahead(_frames(7), encode, lambda: True, 2)
    next(ahead)
    assert begun.wait(10)
    ahead.close()


def test_what_is_not_wanted_is_left_to_the_tracker() -> None:
    got = list(encode_ahead(_frames(3), _index, lambda: False, 2))
    assert [features for _, _, features in got] == [None] * 3


def test_frames_before_a_break_come_first() -> None:
    ahead = encode_ahead(_frames(4, broken=True), _index, lambda: True, 2)
    assert [next(ahead)[0].index for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(SeemVideoError, match="broke off"):
        next(ahead)


def test_an_encoder_that_fails_is_heard_of_at_its_frame() -> None:
    def encode(frame: Frame) -> int:
        if frame.index == 2:
            raise ValueError("no room")
        return frame.index

    got = list(encode_ahead(_frames(4), encode, lambda: True, 2))
    assert got[1][2] is not None
    assert got[1][2].result() == 1
    with pytest.raises(ValueError, match="no room"):
        got[2][2].result()  # type: ignore[union-attr]


def test_an_encoder_keeps_to_its_share_whatever_another_thread_sets_meanwhile() -> None:
    before = torch.get_num_threads()
    has_been_set = threading.Event()

    def encode(frame: Frame) -> int:
        assert has_been_set.wait(10)
        return torch.get_num_threads()

    try:
        torch.set_num_threads(6)
        ahead = encode_ahead(_frames(1), encode, lambda: True, 2)
        _, _, threads = next(ahead)
        torch.set_num_threads(5)
        has_been_set.set()
        assert threads is not None
        assert threads.result() == 2
    finally:
        torch.set_num_threads(before)
