"""How far the tracker lets an object get from one frame to the next."""

import torch

from seem_video.tracking.reach import within_reach


def test_an_object_may_be_near_where_it_was_and_one_out_of_sight_anywhere() -> None:
    masks = torch.zeros(2, 40, 60, dtype=torch.bool)
    masks[0, 10:18, 20:24] = True
    allowed = within_reach(masks)
    expected = torch.zeros(40, 60, dtype=torch.bool)
    expected[6:22, 18:26] = True  # half its height above and below, half its width to the left and right
    assert torch.equal(allowed[0], expected)
    assert allowed[1].all()
