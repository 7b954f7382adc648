"""What scoring yields: J and F of every object and frame, and the official tables made from them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from seem_video.errors import SeemVideoError
from seem_video.evaluation.metrics import Statistics, mean_statistics, statistics

GLOBAL_HEADER = "J&F-Mean,J-Mean,J-Recall,J-Decay,F-Mean,F-Recall,F-Decay"
SEQUENCE_HEADER = "Sequence,J-Mean,F-Mean"


@dataclass(frozen=True)
class ObjectScores:
    """J and F of one object over the evaluated frames.

    Attributes:
        row: its name in the official table, `<sequence>_<id>`; in the unsupervised task the proposal's rank among
            the matched ones takes the place of the id.
        object_id: its id in the annotations.
        j, f: one value a frame.
    """

    row: str
    object_id: int
    j: tuple[float, ...]
    f: tuple[float, ...]

    @cached_property
    def j_statistics(self) -> Statistics:
        return statistics(self.j)

    @cached_property
    def f_statistics(self) -> Statistics:
        return statistics(self.f)


@dataclass(frozen=True)
class SequenceScores:
    """The scores of one sequence: the names of its evaluated frames and one entry an object."""

    name: str
    frames: tuple[str, ...]
    objects: tuple[ObjectScores, ...]

    def save(self, folder: Path) -> None:
        write_whole(folder / f"{self.name}.json", json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> SequenceScores:
        try:
            data = json.loads(path.read_text())
            objects = tuple(
                ObjectScores(o["row"], o["object_id"], tuple(o["j"]), tuple(o["f"])) for o in data["objects"]
            )
            return cls(data["name"], tuple(data["frames"]), objects)
        except (OSError, ValueError, KeyError, TypeError):
            raise SeemVideoError(f"{path} is no scores file of seem-video; score the run again.") from None


@dataclass(frozen=True)
class Scores:
    """The scores of a set of sequences.

    Attributes:
        title: what the set may be called in a table, such as val or val-partial.
        sequences: in the set's order.
    """

    title: str
    sequences: tuple[SequenceScores, ...]

    @property
    def objects(self) -> tuple[ObjectScores, ...]:
        return tuple(o for sequence in self.sequences for o in sequence.objects)

    @cached_property
    def j(self) -> Statistics:
        """Mean, recall and decay of J, averaged over all objects of all sequences alike."""
        return mean_statistics([o.j_statistics for o in self.objects])

    @cached_property
    def f(self) -> Statistics:
        """Mean, recall and decay of F, averaged over all objects of all sequences alike."""
        return mean_statistics([o.f_statistics for o in self.objects])

    @property
    def jf(self) -> float:
        """J&F: the mean of the two global means."""
        return (self.j.mean + self.f.mean) / 2

    def write_tables(self, out: Path) -> tuple[Path, Path]:
        """Writes the two CSV files of davis2017-evaluation, byte for byte in its form, and returns their paths."""
        j, f = self.j, self.f
        summary = _cells(self.jf, j.mean, j.recall, j.decay, f.mean, f.recall, f.decay)
        rows = [f"{o.row},{_cells(o.j_statistics.mean, o.f_statistics.mean)}" for o in self.objects]
        paths = table_paths(out, self.title)
        write_whole(paths[0], _lines([GLOBAL_HEADER, summary]))
        write_whole(paths[1], _lines([SEQUENCE_HEADER, *rows]))
        return paths

    def as_dict(self) -> dict[str, Any]:
        """The tables at full precision, for JSON; NaN becomes None."""
        header = GLOBAL_HEADER.split(",")
        j, f = self.j, self.f
        values = (self.jf, j.mean, j.recall, j.decay, f.mean, f.recall, f.decay)
        return {
            "set": self.title,
            "global": {name: None if math.isnan(v) else v for name, v in zip(header, values, strict=True)},
            "objects": {o.row: {"J-Mean": o.j_statistics.mean, "F-Mean": o.f_statistics.mean} for o in self.objects},
        }


def table_paths(out: Path, title: str) -> tuple[Path, Path]:
    """Where the two official tables of a set go: over all objects, and an object a row."""
    return out / f"global_results-{title}.csv", out / f"per-sequence_results-{title}.csv"


def report_path(out: Path) -> Path:
    """Where the report of a result goes."""
    return out / "report" / "index.html"


def write_whole(path: Path, text: str) -> None:
    """Writes a text file so that it only ever has its final name when it is whole; makes its folder.

    Raises SeemVideoError where the file cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(text.encode())
        os.replace(partial, path)
    except OSError as error:
        raise SeemVideoError(f"{path} cannot be written ({error.strerror}); choose another output folder.") from None


def _cells(*values: float) -> str:
    return ",".join("" if math.isnan(v) else f"{v:.3f}" for v in values)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
