"""run.json: the model, settings and data a results folder was made with, so that it is not mistaken for another's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import seem_video
from seem_video.errors import SeemVideoError
from seem_video.evaluation.scores import write_whole
from seem_video.fingerprints import digest

if TYPE_CHECKING:
    from seem_video.evaluation.davis import DavisDataset

_TRACKING_CODE = ("io", "model", "prompts", "tracking")


@dataclass(frozen=True)
class RunSettings:
    """All that decides a run's masks.

    Attributes:
        model, weights: the model as it was named, and the SHA-256 of its parameters.
        version, code: of seem-video, and the SHA-256 of the modules that track.
        device: the kind of device it ran on.
        year, set, sequences: the data's list, and which of it were present.
        data: the SHA-256 of their frames and annotations.
        init, rounds: the first prompts' kind, and how many rounds of correction clicks followed.
    """

    model: str
    weights: str
    version: str
    code: str
    device: str
    year: int
    set: str
    sequences: tuple[str, ...]
    data: str
    init: str
    rounds: int


@dataclass(frozen=True)
class SequenceRun:
    """How a sequence was tracked.

    Attributes:
        frames: frames of the sequence.
        seconds: wall time of all its passes: reading, segmenting and writing PNGs.
        passes: frames segmented, in all rounds.
        prompts: the robot user's prompts, as words.
        rounds: after each round, J and F mean of each object.
    """

    frames: int
    seconds: float
    passes: int
    prompts: tuple[str, ...]
    rounds: tuple[tuple[tuple[float, float], ...], ...]


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
        path = out / "run.json"
        if path.is_file():
            record = cls.load(out)
            old, new = asdict(record.settings), asdict(settings)
            if different := [name for name in new if old[name] != new[name]]:
                was = ", ".join(f"{name} {_short(old[name])} (now {_short(new[name])})" for name in different)
                raise SeemVideoError(f"{out} holds the results of another run, with {was}; name another folder.")
            return record
        if out.exists() and any(out.iterdir()):
            raise SeemVideoError(
                f"{out} is not empty and has no run.json, so it is no run to go on with; name another."
            )
        record = cls(out, settings)
        record.save()
        return record

    @classmethod
    def load(cls, out: Path) -> RunRecord:
        """Reads the record of a finished or interrupted run; raises SeemVideoError where there is none."""
        path = out / "run.json"
        try:
            data = json.loads(path.read_text())
            settings = RunSettings(**data["settings"] | {"sequences": tuple(data["settings"]["sequences"])})
            sequences = {name: SequenceRun(**run) for name, run in data["sequences"].items()}
            return cls(out, settings, sequences, data["peak_memory_mb"])
        except FileNotFoundError:
            raise SeemVideoError(f"{path} does not exist; name the --out folder of an earlier evaluation.") from None
        except (ValueError, KeyError, TypeError):
            raise SeemVideoError(f"{path} is not a run.json of this version; name another folder.") from None

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


def fingerprint_data(dataset: DavisDataset) -> str:
    """The SHA-256 of every frame and annotation of a dataset, names and contents."""
    files = [path for s in dataset.sequences for path in (*s.annotations, *s.frames)]
    return digest((str(path.relative_to(dataset.root)), path.read_bytes()) for path in files)


def fingerprint_code() -> str:
    """The SHA-256 of the modules that decide masks: a change there is another tracker, whatever the version says."""
    root = Path(seem_video.__file__).parent
    files = sorted(path for room in _TRACKING_CODE for path in (root / room).rglob("*.py"))
    return digest((str(path.relative_to(root)), path.read_bytes()) for path in files)


def _short(value: object) -> str:
    text = ",".join(value) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 12 else f"{text[:12]}…"
