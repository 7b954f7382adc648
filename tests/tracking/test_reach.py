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


def test_windows_hold_all_that_is_within_reach() -> None:
    masks = _masks()
    windows = windows_of(masks)
    # rows 0 to 10, which is made even, and columns 10 to 20
    assert windows[0] == Window(slice(0, 12), slice(10, 22))
    for own, window in zip(within_reach(masks), windows, strict=True):
        inside = torch.zeros_like(own)
        window.cut(inside, 4)[:] = True
        assert (inside | ~own).all()


def test_an_object_out_of_sight_is_looked_for_in_the_whole_frame() -> None:
    assert windows_of(_masks())[2] == Window(slice(0, 20), slice(0, 30))


def test_windows_grow_to_the_size_of_others_where_that_is_not_much_more() -> None:
    masks = torch.zeros(4, 80, 120, dtype=torch.bool)
    masks[0, 10:34, 50:74] = True
    masks[1, 10:34, 80:96] = True
    masks[2, 70:74, 100:118] = True
    masks[3, :, :] = True
    sizes = [window.size for window in windows_of(masks)]
    alone = [windows_of(masks[i : i + 1])[0] for i in range(4)]
    assert [window.size for window in alone] == [(12, 12), (12, 8), (4, 8), (20, 30)]
    assert sizes == [(12, 12), (12, 12), (4, 8), (20, 30)]  # 48 cells more, but not 64 and over


def test_a_window_grows_on_both_sides_and_stays_inside_the_frame() -> None:
    window = Window(slice(4, 6), slice(9, 12))
    assert window.grown((6, 5), (20, 30)) == Window(slice(2, 8), slice(8, 13))
    assert window.grown((10, 30), (20, 30)) == Window(slice(0, 10), slice(0, 30))
    assert Window(slice(18, 20), slice(0, 3)).grown((6, 5), (20, 30)) == Window(slice(14, 20), slice(0, 5))
