"""Our J and F equal those of another public evaluator, on masks drawn at test time, where the two mean the same."""

import cv2
import numpy as np
import pytest

from seem_video.evaluation.metrics import boundary_accuracy, region_similarity, statistics

evaluator = pytest.importorskip("vos_benchmark.evaluator", reason="pip install --no-deps vos-benchmark scikit-image")


def drifting_blobs(rng, frames=12, objects=3):
    """Label maps in which blobs drift and change, and a tracker's worse version of each."""
    centres, drift = rng.uniform(30, 130, (objects, 2)), rng.uniform(-4, 4, (objects, 2))
    for t in range(frames):
        truth, prediction = np.zeros((120, 160), np.uint8), np.zeros((120, 160), np.uint8)
        for i in range(objects):
            x, y = (centres[i] + t * drift[i]).round().astype(int) % (160, 120)
            axes = (int(rng.integers(10, 25)), int(rng.integers(6, 18)))
            cv2.ellipse(truth, (int(x), int(y)), axes, 15 * t, 0, 360, i + 1, -1)
            cv2.ellipse(prediction, (int(x) + t // 2, int(y)), axes, 15 * t + 10, 0, 330, i + 1, -1)
        yield truth, prediction


def test_means_of_every_object_are_equal():
    frames = list(drifting_blobs(np.random.default_rng(3)))
    assert set(np.unique(frames[0][0])) == {0, 1, 2, 3}  # an object absent at first is counted differently there
    theirs = evaluator.Evaluator()
    for truth, prediction in frames:
        theirs.feed_frame(prediction, truth)
    j, f = theirs.conclude()
    for i in (1, 2, 3):
        ours_j = statistics([region_similarity(gt == i, pred == i) for gt, pred in frames]).mean
        ours_f = statistics([boundary_accuracy(gt == i, pred == i) for gt, pred in frames]).mean
        assert (ours_j, ours_f) == pytest.approx((j[i] / 100, f[i] / 100), abs=1e-12)
