"""Runs a model over DAVIS and scores it: prompts from ground truth, masks, tables, and a record to go on from."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import seem_video
from seem_video.errors import SeemVideoError
from seem_video.evaluation.davis import DavisDataset, DavisSequence
from seem_video.evaluation.labels import write_labels
from seem_video.evaluation.prompts import Init
from seem_video.evaluation.record import (
    RunRecord,
    RunSettings,
    SequenceRun,
    fingerprint_code,
    fingerprint_data,
)
from seem_video.evaluation.robot import corrections, first_prompts
from seem_video.evaluation.scores import Scores
from seem_video.evaluation.scoring import score_dataset, score_sequence
from seem_video.fingerprints import fingerprint_model
from seem_video.io.masks import label_map
from seem_video.io.staging import failure

if TYPE_CHECKING:
    from seem_video.tracking.propagation import VideoModel


@dataclass(frozen=True)
class RunResult:
    """A finished run: what was scored, and how the masks were made."""

    scores: Scores
    record: RunRecord
    dataset: DavisDataset


def run_davis(
    root: str | Path,
    out: str | Path,
    *,
    model: str | Path = "seem-nano",
    device: str = "auto",
    year: int = 2017,
    set_name: str = "val",
    init: Init = "mask",
    rounds: int = 0,
    jobs: int = 1,
    on_sequence: Callable[[str, SequenceRun, bool], None] = lambda name, run, reused: None,
) -> RunResult:
    """Tracks the objects of a DAVIS set from prompts made of their first annotations, and scores the masks.

    Into `out` go `masks/<sequence>/<frame>.png`, the scores and tables that `score` writes, and `run.json`. A run that
    was interrupted goes on with the sequences that are missing; a folder made by another model, other settings or other
    data is refused. After the first pass come `rounds` rounds in which a robot user clicks the worst error and the
    sequence is tracked again. `on_sequence` hears of each sequence and whether its masks were there already; `jobs`
    processes score. Raises SeemVideoError for whatever the data, the model or the folder do not allow.
    """
    out = Path(out)
    dataset = DavisDataset.open(root, year=year, set_name=set_name)
    for sequence in dataset.sequences:
        sequence.check()
    loaded = seem_video.load_model(model, device=device)
    settings = RunSettings(
        model=str(model),
        weights=fingerprint_model(loaded),
        version=seem_video.__version__,
        code=fingerprint_code(),
        device=next(loaded.parameters()).device.type,
        year=year,
        set=set_name,
        sequences=tuple(s.name for s in dataset.sequences),
        data=fingerprint_data(dataset),
        init=init,
        rounds=rounds,
    )
    record = RunRecord.open(out, settings)
    for sequence in dataset.sequences:
        reused = sequence.name in record.sequences and (out / "masks" / sequence.name).is_dir()
        if not reused:
            record.sequences[sequence.name] = track_sequence(sequence, loaded, out / "masks", init=init, rounds=rounds)
            record.peak_memory_mb = max(filter(None, (record.peak_memory_mb, _peak_memory_mb())), default=None)
            record.save()
        on_sequence(sequence.name, record.sequences[sequence.name], reused)
    return RunResult(score_dataset(dataset, out / "masks", out, jobs=jobs), record, dataset)


def track_sequence(
    sequence: DavisSequence, model: VideoModel, masks: Path, *, init: Init, rounds: int = 0
) -> SequenceRun:
    """Writes the masks of one sequence to `masks/<sequence>`, which appears when it is whole.

    Raises SeemVideoError, naming the sequence, for what the tracker or the robot user cannot work with.
    """
    staging = masks / ".partial"
    shutil.rmtree(staging, ignore_errors=True)
    folder = staging / sequence.name
    folder.mkdir(parents=True)
    new = given = first_prompts(sequence, init)
    seconds, curve = 0.0, []
    with _failures_said(sequence, masks), seem_video.open_session(sequence.images, model) as session:
        for remaining in reversed(range(rounds + 1)):
            for p in new:
                session.add(p.prompt, object_id=p.object_id, frame=p.frame)
            begun = time.perf_counter()
            for result in session.propagate():
                write_labels(folder / sequence.result_name(sequence.frames[result.index]), label_map(result))
            seconds += time.perf_counter() - begun
            scores = score_sequence(sequence, staging)
            curve.append(tuple((o.j_statistics.mean, o.f_statistics.mean) for o in scores.objects))
            if remaining:
                new = list(corrections(sequence, folder, scores))
                given = given + new
    shutil.rmtree(masks / sequence.name, ignore_errors=True)
    folder.rename(masks / sequence.name)
    staging.rmdir()
    frames = len(sequence.frames)
    return SequenceRun(frames, seconds, frames * (rounds + 1), tuple(map(str, given)), tuple(curve))


@contextmanager
def _failures_said(sequence: DavisSequence, masks: Path) -> Iterator[None]:
    try:
        yield
    except SeemVideoError as error:
        sentence = str(error)
        named = sentence if sequence.name in sentence else f"Sequence {sequence.name}: {sentence}"
        raise SeemVideoError(named) from error
    except OSError as error:
        raise failure(error, masks) from error


def _peak_memory_mb() -> float | None:
    """The largest resident size of this process so far; None where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
