"""Colours that other tools expect, and that tell objects apart."""

from __future__ import annotations

from seem_video.io.palette import PALETTE, object_color


def test_the_palette_is_that_of_voc_and_davis():
    known = {
        0: (0, 0, 0),
        1: (128, 0, 0),
        2: (0, 128, 0),
        3: (128, 128, 0),
        8: (64, 0, 0),
        20: (0, 64, 128),
        255: (224, 224, 192),
    }
    assert {index: tuple(PALETTE[index].tolist()) for index in known} == known
    assert len({tuple(color) for color in PALETTE.tolist()}) == 256


def test_no_object_is_drawn_in_the_colour_of_the_background():
    assert object_color(255) != object_color(256) == object_color(1)
    assert (0, 0, 0) not in {object_color(i) for i in range(1, 600)}


def test_a_colour_that_was_chosen_goes_before_the_palette():
    assert [object_color(i, {2: (9, 8, 7)}) for i in (1, 2)] == [(128, 0, 0), (9, 8, 7)]
