"""Runs a model over DAVIS and scores it: prompts from ground truth, masks, tables, and a record to go on from."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import seem_video
from seem_video.errors import SeemVideoError
from seem_video.evaluation.davis import DavisDataset, DavisSequence
from seem_video.evaluation.labels import write_labels
from seem_video.evaluation.prompts import MaskInit
from seem_video.evaluation.provenance import provenance
from seem_video.evaluation.record import RunRecord, RunSettings, SequenceRun
from seem_video.evaluation.robot import GivenPrompt, Init, corrections, first_prompts
from seem_video.evaluation.scores import Scores
from seem_video.evaluation.scoring import score_dataset, score_sequence
from seem_video.evaluation.texts import WHERE_FROM, Expressions
from seem_video.io.masks import label_map
from seem_video.io.staging import failure

if TYPE_CHECKING:
    from seem_video.tracking.propagation import VideoModel
    from seem_video.tracking.session import VideoSession


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
    texts: str | Path | None = None,
    rounds: int = 0,
    jobs: int = 1,
    on_sequence: Callable[[str, SequenceRun, bool], None] = lambda name, run, reused: None,
) -> RunResult:
    """Tracks the objects of a DAVIS set from prompts made of their first annotations, and scores the masks.

    `init` says what the prompts are; for "text", `texts` is a file of expressions (see `texts.py`). Into `out` go
    `masks/<sequence>/<frame>.png`, the scores and tables that `score` writes, and `run.json`. An interrupted run goes
    on with the sequences that are missing; a folder made by another model, other settings or other data is refused.
    After the first pass come `rounds` rounds in which a robot user clicks the worst error and all is tracked again.
    `on_sequence` hears of each sequence and whether its masks were there already; `jobs` processes score. Raises
    SeemVideoError for whatever the data, the model or the folder do not allow.
    """
    out = Path(out)
    dataset = DavisDataset.open(root, year=year, set_name=set_name)
    for sequence in dataset.sequences:
        sequence.check()
    source = _prompt_source(dataset, init, None if texts is None else Path(texts))
    loaded = seem_video.load_model(model, device=device)
    paths = [path for s in dataset.sequences for path in (*s.annotations, *s.frames)]
    files = ((path.relative_to(dataset.root).as_posix(), path) for path in paths)
    settings = RunSettings(
        **asdict(provenance(model, loaded, files)),
        year=year,
        set=set_name,
        sequences=tuple(s.name for s in dataset.sequences),
        init=init,
        rounds=rounds,
        texts=hashlib.sha256(source.path.read_bytes()).hexdigest() if isinstance(source, Expressions) else None,
    )
    record = RunRecord.open(out, settings)
    for sequence in dataset.sequences:
        reused = sequence.name in record.sequences and (out / "masks" / sequence.name).is_dir()
        if not reused:
            record.add(sequence.name, track_sequence(sequence, loaded, out / "masks", init=source, rounds=rounds))
        on_sequence(sequence.name, record.sequences[sequence.name], reused)
    return RunResult(score_dataset(dataset, out / "masks", out, jobs=jobs), record, dataset)


def track_sequence(
    sequence: DavisSequence, model: VideoModel, masks: Path, *, init: MaskInit | Expressions, rounds: int = 0
) -> SequenceRun:
    """Writes the masks of one sequence to `masks/<sequence>`, which appears when it is whole.

    Raises SeemVideoError, naming the sequence, for what the tracker or the robot user cannot work with.
    """
    staging = masks / ".partial"
    shutil.rmtree(staging, ignore_errors=True)
    folder = staging / sequence.name
    new = given = first_prompts(sequence, init)
    seconds, curve = 0.0, []
    said: dict[str, dict[int, float]] = {}
    with _failures_said(sequence, masks), seem_video.open_session(sequence.images, model) as session:
        folder.mkdir(parents=True)
        for remaining in reversed(range(rounds + 1)):
            _give(session, sequence, new)
            begun = time.perf_counter()
            for result in session.propagate():
                name = sequence.result_name(sequence.frames[result.index])
                write_labels(folder / name, label_map(result))
                said[name] = dict(zip(result.object_ids, result.scores.tolist(), strict=True))
            seconds += time.perf_counter() - begun
            scores = score_sequence(sequence, staging)
            curve.append(tuple((o.j_statistics.mean, o.f_statistics.mean) for o in scores.objects))
            if remaining:
                new = list(corrections(sequence, folder, scores))
                given = given + new
    shutil.rmtree(masks / sequence.name, ignore_errors=True)
    folder.rename(masks / sequence.name)
    staging.rmdir()
    evaluated = [said[sequence.result_name(annotation)] for annotation in sequence.evaluated]
    return SequenceRun(
        frames=len(sequence.frames),
        seconds=seconds,
        passes=len(sequence.frames) * (rounds + 1),
        prompts=tuple(map(str, given)),
        rounds=tuple(curve),
        confidence=tuple(
            tuple(round(frame.get(i, 0.0), 4) for frame in evaluated) for i in range(1, sequence.objects + 1)
        ),
    )


def _prompt_source(dataset: DavisDataset, init: Init, texts: Path | None) -> MaskInit | Expressions:
    """What the first prompts are made of; expressions are checked for every object before anything is tracked."""
    if init != "text":
        if texts is not None:
            raise SeemVideoError(
                f"The expressions in {texts} are for init text, and this run has init {init}; drop one."
            )
        return init
    if texts is None:
        raise SeemVideoError(
            "DAVIS itself carries no text: init text needs a file of expressions (--texts FILE), with a line for each"
            f' object such as: dog 1 "a brown dog"; they are had from {WHERE_FROM}.'
        )
    expressions = Expressions.read(texts)
    for sequence in dataset.sequences:
        for i in range(1, sequence.objects + 1):
            expressions.of(sequence.name, i)
    return expressions


def _give(session: VideoSession, sequence: DavisSequence, prompts: list[GivenPrompt]) -> None:
    """Gives prompts to a session; raises SeemVideoError that names the frame of one that does not fit."""
    for given in prompts:
        try:
            session.add(given.prompt, object_id=given.object_id, frame=given.frame)
        except SeemVideoError as error:
            frame = sequence.frames[given.frame].stem
            raise SeemVideoError(f"Sequence {sequence.name}, frame {frame}: {error}") from error


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
