"""How far an object gets from one frame to the next, and the windows that are decoded for it."""

import torch

from seem_video.model.windows import Window
from seem_video.tracking.reach import windows_of, within_reach


def _masks() -> torch.Tensor:
    masks = torch.zeros(3, 80, 120, dtype=torch.bool)
    masks[0, 10:34, 50:74] = True
    masks[1, 70:74, 100:118] = True
    return masks


def test_an_object_may_be_near_where_it_was_and_one_out_of_sight_anywhere() -> None:
    allowed = within_reach(_masks())
    expected = torch.zeros(80, 120, dtype=torch.bool)
    expected[2:42, 42:82] = True  # a third of its height above and below, of its width to the left and right
    assert torch.equal(allowed[0], expected)
    assert allowed[2].all()


def test_a_small_object_may_move_by_more_than_its_size() -> None:
    expected = torch.zeros(80, 120, dtype=torch.bool)
    expected[64:80, 94:120] = True
    assert torch.equal(within_reach(_masks())[1], expected)


def test_windows_hold_all_that_is_within_reach_with_a_margin() -> None:
    masks = _masks()
    windows = windows_of(masks)
    # cells 0 to 10 and 10 to 20, with the margin 0 to 11 and 9 to 21: twelve and thirteen, which is made even
    assert windows[0] == Window(slice(0, 12), slice(9, 23))
    for own, window in zip(within_reach(masks), windows, strict=True):
        inside = torch.zeros_like(own)
        window.cut(inside, 4)[:] = True
        assert (inside | ~own).all()


def test_an_object_out_of_sight_is_looked_for_in_the_whole_frame() -> None:
    assert windows_of(_masks())[2] == Window(slice(0, 20), slice(0, 30))
