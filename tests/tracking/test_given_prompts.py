"""What holds of the prompts of a session after each of them."""

import numpy as np

from seem_video import Box, Click, MaskPrompt, Text
from seem_video.tracking.given_prompts import GivenPrompts
from seem_video.tracking.session_file import Given

MASK = MaskPrompt(np.eye(4, dtype=bool))


def _given(*prompts: Given) -> GivenPrompts:
    given = GivenPrompts()
    for prompt in prompts:
        given = given.plus(prompt)
    return given


def test_a_prompt_given_again_changes_nothing() -> None:
    click, box = Given(0, 1, Click(3, 3), None), Given(0, 1, Box(1, 1, 5, 5), None)
    given = _given(click, box)
    assert given.plus(Given(0, 1, Click(3, 3), None)) is given
    assert given.plus(Given(2, 1, Click(3, 3), None)) is not given, "on another frame it says more"


def test_a_mask_says_all_of_its_object_on_its_frame_also_when_it_comes_again() -> None:
    others = Given(0, 2, Click(1, 1), None), Given(5, 1, Click(1, 1), None)
    mask, click = Given(0, 1, MASK, None), Given(0, 1, Click(3, 3), None)
    assert _given(*others, click, mask).all == (*others, mask)
    once = _given(*others, mask)
    assert once.plus(Given(0, 1, MASK, None)) is once
    assert once.plus(click).plus(mask).all == (*others, mask), "the click after it no longer holds"


def test_an_object_is_called_what_was_said_last() -> None:
    given = _given(Given(0, 1, Text("the dog"), None), Given(0, 2, Click(3, 3), None))
    assert [given.label_of(i) for i in (1, 2)] == ["the dog", "2"]
    renamed = given.renamed(2, "cat").plus(Given(4, 2, Click(5, 5), None))
    assert renamed.label_of(2) == "cat"
    assert renamed.without(2).object_ids == [1]


def test_the_prompts_of_frames_that_were_dropped_count_too() -> None:
    early, late = Given(1, 1, Click(3, 3), None), Given(3, 1, Click(4, 4), None)
    given = _given(early, late)
    assert given.on(3) == {1: [late.prompt]}
    assert given.on(3, since=1) == {1: [early.prompt, late.prompt]}
    assert given.frames == {1, 3}
