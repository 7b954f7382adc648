"""An object that is pointed at is the piece pointed at."""

import numpy as np
import pytest
import torch

from seem_video.prompts import Box, Click, Prompt, Scribble, rasterise
from seem_video.tracking.pixel_memory import _drop_untouched

SIZE = (48, 64)


def _pieces(*prompts: Prompt) -> list[bool]:
    """Which of three pieces, left, middle and right, are left of a mask."""
    logits = torch.full((12, 16), -3.0)
    for left in (1, 6, 11):
        logits[3:9, left : left + 4] = 2.0
    _drop_untouched(logits, rasterise(prompts, *SIZE))
    return [bool((logits[3:9, left : left + 4] > 0).all()) for left in (1, 6, 11)]


@pytest.mark.parametrize(
    ("prompts", "left"),
    [
        ([Click(30, 20)], [False, True, False]),
        ([Click(10, 20), Click(55, 30)], [True, False, True]),
        ([Scribble([(10, 20), (35, 20)])], [True, True, False]),
        ([Click(10, 20), Click(55, 30, positive=False)], [True, False, False]),
        ([Click(30, 2)], [True, True, True]),  # on none of them
        ([Box(0, 0, 40, 40), Click(10, 20)], [True, True, True]),  # a box says how far it goes
    ],
)
def test_pieces_that_no_click_or_stroke_is_on_are_dropped(prompts: list[Prompt], left: list[bool]) -> None:
    assert _pieces(*prompts) == left


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    logits = torch.full((12, 16), -3.0)
    logits[:4, :4] = logits[4:8, 4:8] = 2.0
    before = logits.clone()
    _drop_untouched(logits, rasterise([Click(4, 4)], *SIZE))
    assert np.array_equal(logits.numpy(), before.numpy())
