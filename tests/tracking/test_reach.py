"""How far an object gets from one frame to the next, and the windows that are decoded for it."""

import torch

from seem_video.tracking.reach import windows_of, within_reach


def _masks() -> torch.Tensor:
    masks = torch.zeros(2, 80, 120, dtype=torch.bool)
    masks[0, 10:18, 20:24] = True
    return masks


def test_an_object_may_be_near_where_it_was_and_one_out_of_sight_anywhere() -> None:
    allowed = within_reach(_masks())
    expected = torch.zeros(80, 120, dtype=torch.bool)
    expected[6:22, 18:26] = True  # half its height above and below, half its width to the left and right
    assert torch.equal(allowed[0], expected)
    assert allowed[1].all()


def test_windows_hold_all_that_is_within_reach_with_a_margin() -> None:
    masks = _masks()
    masks[1, 70:74, 100:118] = True
    windows = windows_of(masks)
    assert windows is not None
    assert (windows.rows, windows.columns) == (8, 12)  # cells 0 to 7 for rows 6 to 22, 18 to 29 for columns 91 to 119
    inside = windows.paste(torch.ones(2, 1, 4 * windows.rows, 4 * windows.columns))[:, 0] > 0
    assert (inside | ~within_reach(masks)).all()


def test_an_object_out_of_sight_is_looked_for_in_the_whole_frame() -> None:
    assert windows_of(_masks()) is None
