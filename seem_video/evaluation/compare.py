"""Two results side by side, and whether their difference is more than the luck of the sequences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seem_video.errors import SeemVideoError
from seem_video.evaluation.scores import SequenceScores

_RESAMPLES = 10_000
_INTERVAL = (2.5, 97.5)  # percent


@dataclass(frozen=True)
class SequencePair:
    """J&F of one sequence in both results: the mean over its objects."""

    name: str
    a: float
    b: float


@dataclass(frozen=True)
class Comparison:
    """Two results on the same sequences.

    Attributes:
        a, b: J&F over all objects.
        low, high: the 95 % bootstrap interval of b - a, resampling sequences in pairs.
        pairs: one entry a sequence.
    """

    a: float
    b: float
    low: float
    high: float
    pairs: tuple[SequencePair, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "J&F": {"a": self.a, "b": self.b, "difference": self.b - self.a, "low": self.low, "high": self.high},
            "sequences": {p.name: {"a": p.a, "b": p.b, "difference": p.b - p.a} for p in self.pairs},
        }


def compare(a: str | Path, b: str | Path) -> Comparison:
    """Compares the scores in two output folders of `score` or `run_davis`.

    The interval is the percentile bootstrap (Efron, 1979) of the difference of J&F: sequences are drawn with
    replacement, each bringing its objects in both results, since objects of one video are not independent. Raises
    SeemVideoError where a folder has no scores, or the two do not have the same sequences and objects.
    """
    first, second = _load(Path(a)), _load(Path(b))
    if different := sorted(set(first) ^ set(second)):
        only = a if different[0] in first else b
        raise SeemVideoError(
            f"Sequence {different[0]} is scored in {only} only; compare results on the same sequences."
        )
    for name in first:
        if len(first[name]) != len(second[name]):
            raise SeemVideoError(
                f"Sequence {name} has another number of objects in {a} than in {b}; score both on the same data."
            )
    names = [name for name in first if len(first[name])]
    counts = np.array([len(first[name]) for name in names])
    sums = np.array([[first[name].sum(), second[name].sum()] for name in names])
    low, high = _bootstrap(counts, sums[:, 1] - sums[:, 0])
    total_a, total_b = sums.sum(axis=0) / counts.sum()
    pairs = tuple(
        SequencePair(name, float(s[0] / n), float(s[1] / n)) for name, s, n in zip(names, sums, counts, strict=True)
    )
    return Comparison(float(total_a), float(total_b), low, high, pairs)


def _load(out: Path) -> dict[str, np.ndarray]:
    """J&F of every object, by sequence."""
    paths = sorted((out / "scores").glob("*.json"))
    if not paths:
        raise SeemVideoError(
            f"{out} has no scores/<sequence>.json; name the --out folder of `eval score` or `eval davis`."
        )
    loaded = [SequenceScores.load(path) for path in paths]
    return {s.name: np.array([(o.j_statistics.mean + o.f_statistics.mean) / 2 for o in s.objects]) for s in loaded}


def _bootstrap(counts: np.ndarray, differences: np.ndarray) -> tuple[float, float]:
    """The interval of the mean difference an object; the generator is seeded, so the same results give the same one."""
    draws = np.random.default_rng(0).integers(len(counts), size=(_RESAMPLES, len(counts)))
    means = differences[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.percentile(means, _INTERVAL)
    return float(low), float(high)
