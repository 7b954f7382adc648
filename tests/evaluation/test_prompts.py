"""The robot user's prompts lie on the object and repeat exactly; otherwise two runs of one model would differ."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from seem_video.evaluation.prompts import MASK_INITS, correction_click, deepest_point, prompt_from_mask, skeleton_stroke
from seem_video.prompts import Box, rasterise

some_masks = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20).flatmap(
    lambda shape: arrays(np.bool_, shape, elements=st.booleans(), fill=st.just(False)).filter(np.any)
)


def horseshoe():
    mask = np.zeros((120, 160), np.uint8)
    cv2.ellipse(mask, (80, 60), (60, 40), 0, 0, 270, 1, thickness=18)
    return mask.astype(bool)


@given(some_masks, st.sampled_from(MASK_INITS))
def test_every_mask_gives_a_prompt_that_the_tracker_accepts(mask, init):
    maps = rasterise([prompt_from_mask(mask, init)], *mask.shape)
    if init in ("click", "scribble"):
        assert maps.positive.any()
        assert not (maps.positive & ~mask).any()


def test_a_click_is_the_point_deepest_inside_and_the_frame_edge_is_an_edge():
    mask = np.zeros((40, 60), bool)
    mask[10:31, 20:41] = True
    assert deepest_point(mask) == (30, 20)
    mask = np.zeros((40, 61), bool)
    mask[0:21] = True
    assert deepest_point(mask)[1] == 10


def test_a_box_is_tight_and_includes_its_corners():
    mask = np.zeros((40, 60), bool)
    mask[10:31, 20:41] = True
    assert prompt_from_mask(mask, "box") == Box(20, 10, 40, 30)


def test_a_scribble_runs_along_the_object():
    stroke = skeleton_stroke(horseshoe())
    assert stroke == skeleton_stroke(horseshoe())
    assert all(max(abs(a[0] - b[0]), abs(a[1] - b[1])) == 1 for a, b in pairwise(stroke))
    assert all(horseshoe()[y, x] for x, y in stroke)
    assert len(stroke) > 150  # the horseshoe's middle line is some 240 pixels long, its width 18


def test_a_polygon_redraws_the_object():
    disk = cv2.circle(np.zeros((100, 100), np.uint8), (50, 50), 30, 1, -1).astype(bool)
    redrawn = rasterise([prompt_from_mask(disk, "polygon")], 100, 100).mask
    assert (redrawn & disk).sum() / (redrawn | disk).sum() > 0.95


def test_corrections_go_to_the_largest_error_and_never_twice_to_one_spot():
    truth = np.zeros((40, 60), bool)
    truth[5:25, 5:25] = True
    missing, excess = truth.copy(), truth.copy()
    missing[5:16, 5:16] = False
    excess[5:12, 30:60] = True
    assert correction_click(truth, missing) == (10, 10, True)
    assert correction_click(truth, excess).positive is False
    assert correction_click(truth, missing, clicked=[(10, 10, True)]) != (10, 10, True)
    assert correction_click(truth, truth) is None


def test_an_empty_mask_gives_no_prompt():
    with pytest.raises(ValueError, match="empty mask"):
        prompt_from_mask(np.zeros((4, 4), bool), "click")
