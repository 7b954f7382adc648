"""Scores a folder of masks against DAVIS: the semi-supervised and unsupervised protocols of davis2017-evaluation.

Frames are read, measured and forgotten one at a time, so memory does not grow with the data; sequences are independent
and spread over processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from seem_video.errors import SeemVideoError
from seem_video.evaluation.assignment import best_assignment
from seem_video.evaluation.davis import DavisDataset, DavisSequence, Task
from seem_video.evaluation.labels import Labels, read_labels
from seem_video.evaluation.metrics import Region, boundary_radius
from seem_video.evaluation.scores import ObjectScores, Scores, SequenceScores, report_path, table_paths
from seem_video.evaluation.spread import spread

MAX_PROPOSALS = 20


def score(
    gt: str | Path,
    results: str | Path,
    out: str | Path | None = None,
    *,
    year: int = 2017,
    set_name: str = "val",
    task: Task = "semi-supervised",
    jobs: int = 1,
) -> Scores:
    """Scores masks somebody's tracker made, and writes the official tables.

    `gt` is a DAVIS root, `results` a folder of `<sequence>/<frame>.png` label maps. Into `out` (nothing is written
    without it) go `global_results-<set>.csv`, `per-sequence_results-<set>.csv` and, as each sequence is done,
    `scores/<sequence>.json` with J and F of every frame, in place of what an earlier scoring of the set left there.
    On a partial copy the set is called `<set>-partial`.
    `jobs` processes share the sequences. Raises SeemVideoError naming sequence and frame where the data or the results
    do not allow a score.
    """
    dataset = DavisDataset.open(gt, year=year, set_name=set_name, task=task)
    return score_dataset(dataset, Path(results), None if out is None else Path(out), jobs=jobs)


def score_dataset(
    dataset: DavisDataset,
    results: Path,
    out: Path | None = None,
    *,
    jobs: int = 1,
) -> Scores:
    """As `score`, for a dataset already opened."""
    if not results.is_dir():
        raise SeemVideoError(f"{results} is not a folder; give the folder that holds <sequence>/<frame>.png.")
    if out is not None:
        _make_way(out, dataset)
    work = partial(_score_and_save, results, out)
    total = Scores(dataset.title, tuple(spread(work, dataset.sequences, jobs)))
    if out is not None:
        total.write_tables(out)
    return total


def score_sequence(sequence: DavisSequence, results: Path) -> SequenceScores:
    """J and F of every object and evaluated frame of a sequence, its masks read from `results/<sequence>`.

    Raises SeemVideoError for a missing, unreadable or colour PNG, a size unlike the annotation's, and an id too many.
    """
    sequence.check()
    objects = _score_proposals(sequence, results) if sequence.task == "unsupervised" else _score_ids(sequence, results)
    return SequenceScores(sequence.name, tuple(path.stem for path in sequence.evaluated), tuple(objects))


def _make_way(out: Path, dataset: DavisDataset) -> None:
    """Removes what an earlier scoring of this set left in `out`, so that nothing there is mistaken for a new result."""
    names = {sequence.name for sequence in dataset.sequences}
    found = sorted((out / "scores").glob("*.json"))
    if others := [path.stem for path in found if path.stem not in names]:
        raise SeemVideoError(
            f"{out} holds scores of sequence {others[0]}, which is not in this set; name another folder."
        )
    try:
        for path in (*found, *table_paths(out, dataset.title), report_path(out)):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise SeemVideoError(f"{out} cannot be written to ({error.strerror}); name another folder.") from None


def _score_and_save(results: Path, out: Path | None, sequence: DavisSequence) -> SequenceScores:
    scores = score_sequence(sequence, results)
    if out is not None:
        scores.save(out / "scores")
    return scores


def _score_ids(sequence: DavisSequence, results: Path) -> Iterator[ObjectScores]:
    """Semi-supervised: the prediction's ids are the annotation's."""
    ids = range(1, sequence.objects + 1)
    js, fs = [], []
    for truth, prediction in _frames(sequence, results, sequence.objects):
        radius = boundary_radius(*truth.shape)
        pairs = [(Region(truth == i, radius), Region(prediction == i, radius)) for i in ids]
        js.append([region.jaccard(predicted) for region, predicted in pairs])
        fs.append([predicted.boundary_f(region) for region, predicted in pairs])
    for i, j, f in zip(ids, zip(*js, strict=True), zip(*fs, strict=True), strict=False):
        yield ObjectScores(f"{sequence.name}_{i}", i, j, f)


def _score_proposals(sequence: DavisSequence, results: Path) -> Iterator[ObjectScores]:
    """Unsupervised: proposals are matched one to one with the objects for the largest total of mean J and mean F."""
    objects = range(1, sequence.objects + 1)
    proposals = range(1, max(MAX_PROPOSALS, sequence.objects) + 1)
    seen, js, fs = sequence.objects, [], []
    for truth, prediction in _frames(sequence, results, MAX_PROPOSALS):
        seen = max(seen, int(prediction.max(initial=0)))
        radius = boundary_radius(*truth.shape)
        regions = [Region(truth == i, radius) for i in objects]
        predicted = [Region(prediction == i, radius) for i in proposals]
        js.append([[p.jaccard(region) for region in regions] for p in predicted])
        fs.append([[p.boundary_f(region) for region in regions] for p in predicted])
    j, f = np.array(js)[:, :seen], np.array(fs)[:, :seen]  # (frames, proposals, objects)
    matched = best_assignment((j.mean(axis=0) + f.mean(axis=0)) / 2)
    for rank, (p, i) in enumerate(matched, start=1):
        yield ObjectScores(f"{sequence.name}_{rank}", i + 1, tuple(j[:, p, i].tolist()), tuple(f[:, p, i].tolist()))


def _frames(sequence: DavisSequence, results: Path, max_id: int) -> Iterator[tuple[Labels, Labels]]:
    """Annotation and prediction of each evaluated frame; a thread reads the next one while this one is measured."""
    with ThreadPoolExecutor(1) as reader:
        size = sequence.truth(sequence.annotations[0])[0].shape
        upcoming = None
        for annotation in sequence.evaluated:
            frame = upcoming
            upcoming = reader.submit(_read_frame, sequence, annotation, results, size, max_id)
            if frame:
                yield frame.result()
        if upcoming:
            yield upcoming.result()


def _read_frame(
    sequence: DavisSequence, annotation: Path, results: Path, size: tuple[int, ...], max_id: int
) -> tuple[Labels, Labels]:
    """Annotation and prediction of a frame, checked; in the unsupervised task void is cut out of both."""
    where = f"Sequence {sequence.name}, frame {annotation.stem}"
    truth, void = sequence.truth(annotation)
    prediction = read_labels(results / sequence.name / sequence.result_name(annotation))
    if truth.shape != size:
        raise SeemVideoError(f"{where}: the annotation is {_size(truth)}, the first one not; repair the dataset.")
    if prediction.shape != size:
        raise SeemVideoError(
            f"{where}: the result is {_size(prediction)}, the annotation {_size(truth)}; save results at its size."
        )
    if sequence.year == 2016:
        prediction = (prediction != 0).view(np.uint8)
    if (largest := int(prediction.max(initial=0))) > max_id:
        raise SeemVideoError(f"{where}: the result holds id {largest}, {_limit(sequence, max_id)}")
    if void is not None and sequence.task == "unsupervised":
        prediction = np.where(void, 0, prediction)
    return truth, prediction


def _size(labels: Labels) -> str:
    return f"{labels.shape[1]}x{labels.shape[0]}"


def _limit(sequence: DavisSequence, max_id: int) -> str:
    if sequence.task == "unsupervised":
        return f"but at most {max_id} proposals are allowed; keep the best."
    if max_id == 0:
        return "but the first annotation holds no object (for 0/255 masks in the form of DAVIS 2016, take year 2016)."
    return f"but the first annotation holds only ids up to {max_id}; remove the others."
