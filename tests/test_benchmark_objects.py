"""The benchmark of several objects: its truth is exact, and it tells a swap and a lost object from their opposites."""

import benchmark_objects as benchmark
import numpy as np

SQUARE = benchmark.CutOut(np.full((20, 20, 3), 200, np.uint8), np.ones((20, 20), bool))


def test_the_truth_is_what_is_seen_of_each_object() -> None:
    there, gone = np.tile([30.0, 30.0], (2, 1)), np.array([[35.0, 30.0], [500.0, 30.0]])
    scene = benchmark.compose(np.zeros((60, 80, 3), np.uint8), [(SQUARE, there), (SQUARE, gone)])
    assert [scene.truth[t].sum(axis=(1, 2)).tolist() for t in (0, 1)] == [[100, 400], [400, 0]]
    assert all(
        ((frame[..., 0] > 0) == truth.any(0)).all() for frame, truth in zip(scene.frames, scene.truth, strict=True)
    )


def test_swapped_and_lost_masks_are_told_from_kept_ones() -> None:
    truth = np.zeros((2, 40, 40), bool)
    truth[0, 5:15, 5:15] = truth[1, 25:35, 25:35] = True
    assert benchmark.keeps_identities(truth, truth)
    assert not benchmark.keeps_identities(truth[::-1], truth)
    assert not benchmark.keeps_identities(np.stack([truth[0], np.zeros((40, 40), bool)]), truth)


def test_an_absent_object_has_to_empty_and_to_come_back() -> None:
    truth = np.zeros((benchmark.FRAMES, 20, 20), bool)
    truth[: benchmark.GONE, 5:15, 5:15] = truth[benchmark.BACK :, 5:15, 5:15] = True
    assert benchmark.empties(truth)
    assert benchmark.is_found(truth, truth)
    everywhere, nowhere = np.ones_like(truth), np.zeros_like(truth)
    assert not benchmark.empties(everywhere)
    assert not benchmark.is_found(everywhere, truth)
    assert not benchmark.is_found(nowhere, truth)
