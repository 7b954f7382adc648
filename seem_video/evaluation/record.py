"""run.json of a run over DAVIS: what it was made with, and how each sequence was tracked."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seem_video.evaluation.provenance import Provenance, read_run, unknown_run
from seem_video.evaluation.scores import write_whole


@dataclass(frozen=True)
class RunSettings(Provenance):
    """All that decides a run's masks.

    Attributes:
        year, set, sequences: the data's list, and which of it were present.
        init, rounds: the first prompts' kind, and how many rounds of correction clicks followed.
        texts: the SHA-256 of the file of expressions; None for first prompts that are no text.
    """

    year: int
    set: str
    sequences: tuple[str, ...]
    init: str
    rounds: int
    texts: str | None


@dataclass(frozen=True)
class SequenceRun:
    """How a sequence was tracked.

    Attributes:
        frames: frames of the sequence.
        seconds: wall time of all its passes: reading, segmenting and writing PNGs.
        passes: frames segmented, in all rounds.
        prompts: the robot user's prompts, as words.
        rounds: after each round, J and F mean of each object.
        confidence: after the last round, the predicted IoU of each object on each evaluated frame; 0 where it was not
            seen.
    """

    frames: int
    seconds: float
    passes: int
    prompts: tuple[str, ...]
    rounds: tuple[tuple[tuple[float, float], ...], ...]
    confidence: tuple[tuple[float, ...], ...]


@dataclass
class RunRecord:
    """The record of a run, kept in `run.json` of its folder and brought up to date after every sequence."""

    out: Path
    settings: RunSettings
    sequences: dict[str, SequenceRun] = field(default_factory=dict)
    peak_memory_mb: float | None = None

    @classmethod
    def open(cls, out: Path, settings: RunSettings) -> RunRecord:
        """Takes up the run in `out`, or starts one where the folder is new or empty.

        Raises SeemVideoError where the folder holds a run of another model, settings or data, or something else.
        """
        content = read_run(out, settings)
        if content is None:
            record = cls(out, settings)
            record.save()
            return record
        try:
            sequences = {name: SequenceRun(**run) for name, run in content["sequences"].items()}
            return cls(out, settings, sequences, content["peak_memory_mb"])
        except (KeyError, TypeError):
            raise unknown_run(out / "run.json") from None

    def add(self, name: str, run: SequenceRun) -> None:
        """Takes down a sequence that is done, and the memory it took."""
        self.sequences[name] = run
        self.peak_memory_mb = max(filter(None, (self.peak_memory_mb, peak_memory_mb())), default=None)
        self.save()

    def save(self) -> None:
        content: dict[str, Any] = asdict(self)
        del content["out"]
        write_whole(self.out / "run.json", json.dumps(content, indent=1) + "\n")


def round_curve(record: RunRecord) -> list[tuple[float, float, float]]:
    """J&F, J and F after each round of a run, averaged over all objects of all its sequences."""
    runs = record.sequences.values()
    per_round = [[o for run in runs for o in run.rounds[r]] for r in range(record.settings.rounds + 1)]
    return [(float(j + f) / 2, float(j), float(f)) for j, f in (np.mean(objects, axis=0) for objects in per_round)]


def area_under_curve(curve: Sequence[tuple[float, float, float]]) -> float:
    """The mean height of a J&F curve over its rounds, by the trapezoid rule; without corrections its one value."""
    jf = np.array([point[0] for point in curve])
    return float(((jf[1:] + jf[:-1]) / 2).mean()) if len(jf) > 1 else float(jf[0])


def peak_memory_mb() -> float | None:
    """The largest resident size so far of this process, or of a child of it that has ended; None where unknown."""
    if sys.platform == "win32":
        return None
    import resource

    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
