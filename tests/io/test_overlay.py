"""What a look at the overlay must tell: which object is where, and what was pointed at."""

from __future__ import annotations

import numpy as np
import pytest
from clips import result_of, scene

from seem_video.io.frame import Frame
from seem_video.io.overlay import draw_overlay
from seem_video.io.palette import object_color
from seem_video.prompts import Box, Click, MaskPrompt, Percent, Polygon, PromptEntry, Scribble

FRAME = Frame(0, 0.0, 0, np.full((120, 160, 3), 100, np.uint8))


def test_each_object_is_tinted_in_its_colour_and_the_rest_left_alone():
    result = result_of(FRAME, objects=3)
    drawn = draw_overlay(result)
    for k, object_id in enumerate(result.object_ids):
        tint = drawn[10 * k + 6, 15].astype(int) - 100
        np.testing.assert_allclose(tint, (np.array(object_color(object_id)) - 100) / 2, atol=1)
    np.testing.assert_array_equal(drawn[40:], FRAME.image[40:])
    assert (FRAME.image == 100).all()  # the tracker's picture is not drawn on


def test_only_a_name_that_was_given_is_written():
    plain, named = draw_overlay(result_of(FRAME)), draw_overlay(result_of(FRAME, label="dog"))
    assert (plain != named).any()
    np.testing.assert_array_equal(draw_overlay(result_of(FRAME, label="1")), plain)


def test_masks_at_the_border_and_empty_ones_do_not_matter():
    result = result_of(FRAME, objects=2)
    result.masks[0] = True
    result.masks[1] = False
    assert (draw_overlay(result)[60, 80] != 100).any()


@pytest.mark.parametrize(
    ("prompt", "marked"),
    [
        (Click(80, 60), (64, 80)),
        (Click(80, 60, positive=False), (64, 80)),
        (Box(30, 50, 120, 100), (50, 75)),
        (Scribble([(20, 60), (140, 60)]), (60, 75)),
        (Scribble([(20, 60)], positive=False), (60, 20)),
        (Polygon([(20, 50), (140, 50), (80, 110)]), (50, 75)),
        (MaskPrompt(np.indices((120, 160)).sum(0) < 80), (40, 39)),
    ],
)
def test_prompts_are_drawn_where_they_point(prompt, marked):
    result = result_of(FRAME, objects=0)
    drawn = draw_overlay(result, [PromptEntry(prompt)])
    assert (drawn[marked] != 100).any()
    assert (drawn[118, 158] == 100).all()


def test_a_negative_click_is_told_from_a_positive_one():
    result = result_of(FRAME, objects=0)
    positive, negative = (draw_overlay(result, [PromptEntry(Click(80, 60, sign))]) for sign in (True, False))
    assert (positive != negative).any()


def test_prompts_still_in_percent_are_a_mistake_of_ours():
    with pytest.raises(TypeError, match="not in pixels"):
        draw_overlay(result_of(FRAME), [PromptEntry(Click(Percent(50), 3))])


def test_large_frames_get_wider_lines():
    image = scene(1, 1080, 1920)[0]
    drawn = draw_overlay(result_of(Frame(0, 0.0, 0, image), objects=0), [PromptEntry(Box(100, 500, 1800, 1000))])
    assert (drawn[497:504, 900] != image[497:504, 900]).any(-1).sum() >= 5
