"""A user who sorts masks by their score, to look at the doubtful ones first, relies on this number."""

import math
from pathlib import Path

import pytest

from seem_video.evaluation.confidence import confidence, rank_correlation
from seem_video.evaluation.provenance import Provenance
from seem_video.evaluation.record import RunRecord, RunSettings, SequenceRun
from seem_video.evaluation.scores import ObjectScores, Scores, SequenceScores


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((1, 2, 3), (10, 20, 1000), 1.0),
        ((1, 2, 3), (3, 2, 1), -1.0),
        ((1, 2, 2, 3), (1, 3, 2, 4), math.sqrt(0.9)),  # the tie has rank 2.5 twice
    ],
)
def test_only_ranks_count_and_equal_values_share_theirs(a: tuple, b: tuple, expected: float) -> None:
    assert rank_correlation(a, b) == pytest.approx(expected)


@pytest.mark.parametrize("constant", [(), (0.5,), (0.5, 0.5)])
def test_without_a_difference_there_is_no_correlation(constant: tuple[float, ...]) -> None:
    assert math.isnan(rank_correlation(constant, tuple(range(len(constant)))))


def test_a_run_pairs_each_mask_with_its_own_score_and_leaves_out_what_is_rightly_absent() -> None:
    scores = Scores(
        "val",
        (
            SequenceScores("dog", ("1", "2"), (ObjectScores("dog_1", 1, (0.9, 0.2), (0.0, 0.0)),)),
            SequenceScores("goat", ("1", "2"), (ObjectScores("goat_1", 1, (1.0, 0.6), (0.0, 0.0)),)),
        ),
    )
    settings = RunSettings(**vars(Provenance("m", "w", "v", "c", "cpu", "float32", "d")), year=2017, set="val",
                           sequences=("dog", "goat"), init="mask", rounds=0, texts=None)  # fmt: skip
    record = RunRecord(Path("unused"), settings)
    record.sequences["dog"] = SequenceRun(4, 1.0, 4, (), (), confidence=((0.8, 0.3),))
    record.sequences["goat"] = SequenceRun(4, 1.0, 4, (), (), confidence=((0.0, 0.5),))
    found = confidence(record, scores)
    assert (found.correlation, found.masks) == (pytest.approx(1.0), 3)
