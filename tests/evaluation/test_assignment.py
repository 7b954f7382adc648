"""The unsupervised score takes the best matching there is; a worse one would understate a method."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seem_video.evaluation.assignment import best_assignment

matrices = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(0, 1))
)


@settings(deadline=None)  # a busy machine is no failure
@given(matrices)
def test_no_other_matching_scores_more(scores):
    pairs = best_assignment(scores)
    assert len(pairs) == min(scores.shape)
    assert all(len(set(side)) == len(pairs) for side in zip(*pairs, strict=True))
    tall = scores if scores.shape[0] <= scores.shape[1] else scores.T
    best = max(sum(tall[range(len(p)), p]) for p in permutations(range(tall.shape[1]), tall.shape[0]))
    assert sum(scores[pair] for pair in pairs) == pytest.approx(best, abs=1e-9)
