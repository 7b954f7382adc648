"""J, F and their statistics equal the official evaluator's: otherwise no number we print can stand beside a paper's."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from seem_video.evaluation.metrics import (
    boundary_accuracy,
    boundary_map,
    boundary_radius,
    region_similarity,
    statistics,
)

from .golden import GOLDEN, needs_golden

EXACT = 1e-12


@pytest.fixture(scope="module")
def pairs():
    with np.load(GOLDEN / "unit" / "pairs.npz") as archive:
        return dict(archive)


@needs_golden
def test_unit_pairs_equal_the_official_numbers(pairs):
    for i, name in enumerate(pairs["names"]):
        gt, pred, void = pairs[f"gt_{i:03}"], pairs[f"pred_{i:03}"], pairs.get(f"void_{i:03}")
        assert np.array_equal(boundary_map(gt), pairs[f"gtb_{i:03}"]), name
        assert np.array_equal(boundary_map(pred), pairs[f"predb_{i:03}"]), name
        assert boundary_radius(*gt.shape) == pairs["radius_px_default"][i], name
        assert region_similarity(gt, pred) == pytest.approx(pairs["iou"][i], abs=EXACT), name
        for k, threshold in enumerate(pairs["bound_th"]):
            f = boundary_accuracy(gt, pred, threshold=threshold)
            assert f == pytest.approx(pairs["f"][i, k], abs=EXACT), (name, threshold)
            if void is not None:
                f = boundary_accuracy(gt, pred, void, threshold=threshold)
                assert f == pytest.approx(pairs["f_void"][i, k], abs=EXACT), (name, threshold)
        if void is not None:
            assert region_similarity(gt, pred, void) == pytest.approx(pairs["iou_void"][i], abs=EXACT), name


@needs_golden
def test_a_stack_of_frames_equals_the_official_numbers(pairs):
    for i, (gt, pred, void) in enumerate(zip(pairs["stack_gt"], pairs["stack_pred"], pairs["stack_void"], strict=True)):
        assert region_similarity(gt, pred) == pytest.approx(pairs["stack_iou"][i], abs=EXACT)
        assert region_similarity(gt, pred, void) == pytest.approx(pairs["stack_iou_void"][i], abs=EXACT)
        assert boundary_accuracy(gt, pred) == pytest.approx(pairs["stack_f"][i], abs=EXACT)
        assert boundary_accuracy(gt, pred, void) == pytest.approx(pairs["stack_f_void"][i], abs=EXACT)


@needs_golden
def test_statistics_equal_the_official_numbers_and_are_right_past_255_frames():
    for case in json.loads((GOLDEN / "unit" / "statistics.json").read_text())["cases"]:
        got = statistics([math.nan if v is None else v for v in case["values"]])
        expected = (case["mean"], case["recall"], case["decay"]["intended"])
        expected = [math.nan if v is None else v for v in expected]
        assert (got.mean, got.recall, got.decay) == pytest.approx(expected, abs=EXACT, nan_ok=True), case["name"]


def direct_f(gt, pred, threshold):
    """F by its definition, pixel by pixel: the yardstick for the windowed computation."""
    radius = boundary_radius(*gt.shape, threshold)
    a, b = np.argwhere(boundary_map(gt)), np.argwhere(boundary_map(pred))
    if not len(a) or not len(b):
        return float(len(a) == len(b))
    near = ((a[:, None] - b[None]) ** 2).sum(-1) <= radius**2
    recall, precision = near.any(1).sum() / len(a), near.any(0).sum() / len(b)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


masks = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24).flatmap(
    lambda shape: st.tuples(*[arrays(np.bool_, shape, elements=st.booleans(), fill=st.just(False))] * 2)
)


@settings(deadline=None)  # a busy machine is no failure
@given(masks, st.sampled_from([0.008, 0.1, 1, 3, 7]))
def test_windows_never_change_the_numbers(pair, threshold):
    gt, pred = pair
    assert boundary_accuracy(gt, pred, threshold=threshold) == pytest.approx(direct_f(gt, pred, threshold), abs=EXACT)


def test_masks_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="one size"):
        region_similarity(np.zeros((4, 5), bool), np.zeros((5, 4), bool))
