"""Whether confidence means something: do masks of which the model thinks more lie better on the object?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seem_video.evaluation.record import RunRecord
from seem_video.evaluation.scores import Scores


@dataclass(frozen=True)
class Confidence:
    """How the predicted IoU of a run's masks goes with their true one.

    Attributes:
        correlation: Spearman's rank correlation; NaN where all masks have the same predicted or the same true IoU.
        masks: how many of them, each object's of each evaluated frame. Where an object is neither there nor found there
            is no IoU to predict, and nothing is counted.
    """

    correlation: float
    masks: int

    def __str__(self) -> str:
        value = "undefined" if math.isnan(self.correlation) else f"{self.correlation:.2f}"
        return f"rank correlation of predicted and true IoU {value}, over {self.masks:,} masks"


def confidence(record: RunRecord, scores: Scores) -> Confidence:
    """The confidence of a run's last pass against J of its masks."""
    pairs = [
        (predicted, true)
        for sequence in scores.sequences
        for o, of_object in zip(sequence.objects, record.sequences[sequence.name].confidence, strict=True)
        for predicted, true in zip(of_object, o.j, strict=True)
        if (predicted, true) != (0, 1)
    ]
    predicted, true = zip(*pairs, strict=True) if pairs else ((), ())
    return Confidence(rank_correlation(predicted, true), len(pairs))


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's rank correlation of paired values, equal ones at their mean rank; NaN where either are all equal."""
    if min(len(set(a)), len(set(b))) < 2:
        return float("nan")
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: Sequence[float]) -> npt.NDArray[np.float64]:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]
