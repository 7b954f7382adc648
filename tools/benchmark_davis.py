"""Times our scoring and the `vos-benchmark` package on the same masks, and checks that they agree.

    pip install --no-deps vos-benchmark && pip install scikit-image tqdm
    python tools/benchmark_davis.py --root DAVIS --year 2017 --set val --results DIR --jobs 1 --jobs 2

(`--no-deps`, because it asks for opencv-python, whose files overwrite those of opencv-python-headless.)

Each run has a fresh process to itself, which spreads the sequences over so many processes; loading the packages is not
timed, starting those processes is. Memory is the largest resident size of any one process. Without --results the
annotations themselves, moved by (5, 3) pixels, stand for a tracker's masks.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from seem_video.evaluation.davis import DavisDataset
from seem_video.evaluation.labels import VOID, read_labels, write_labels
from seem_video.evaluation.record import peak_memory_mb
from seem_video.evaluation.scoring import score_dataset
from seem_video.terminal import run

_SHIFT = (5, 3)
_EXACT = 1e-12

Means = dict[str, dict[int, tuple[float, float]]]
"""Mean J and F by sequence and object id."""


@dataclass(frozen=True)
class Measured:
    """One run: wall seconds, the largest resident size of a process in MB, and what was scored."""

    seconds: float
    memory_mb: float | None
    means: Means


def main(
    root: Annotated[Path, typer.Option(help="The DAVIS folder.")],
    year: Annotated[int, typer.Option(help="2016 or 2017.")] = 2017,
    set_name: Annotated[str, typer.Option("--set", help="A list in ImageSets/YEAR.")] = "val",
    results: Annotated[Path | None, typer.Option(help="Masks to score.")] = None,
    jobs: Annotated[list[int] | None, typer.Option(min=1, help="Processes; once for each count; 1 and 2.")] = None,
) -> None:
    """Print seconds, memory, ratios and how far the numbers agree."""
    dataset, counts = DavisDataset.open(root, year=year, set_name=set_name), jobs or [1, 2]
    with tempfile.TemporaryDirectory() as folder:
        masks = results or move_annotations(dataset, Path(folder))
        runs = {(who, n): measure(who, dataset, masks, n) for n in counts for who in (ours, theirs)}
    frames = sum(len(sequence.evaluated) for sequence in dataset.sequences)
    table = Table(title=f"{len(dataset.sequences)} sequences, {frames} frames", title_justify="left", box=SIMPLE_HEAD)
    for name in ("Processes", "seem-video s", "MB", "vos-benchmark s", "MB", "Ratio"):
        table.add_column(name, justify="right")
    for n in counts:
        a, b = runs[ours, n], runs[theirs, n]
        ratio = f"{b.seconds / a.seconds:.1f}"
        table.add_row(str(n), f"{a.seconds:.2f}", _mb(a), f"{b.seconds:.2f}", _mb(b), ratio)
    console = Console(highlight=False)
    console.print(table)
    differences = list(object_differences(runs[ours, counts[0]].means, runs[theirs, counts[0]].means))
    equal = sum(difference <= _EXACT for difference in differences)
    console.print(f"Objects whose J and F means are equal to {_EXACT:g}: {equal} of {len(differences)}.")
    if equal < len(differences):
        console.print(
            "Others come or go: vos-benchmark counts an object from the frame it appears in, and every stored id."
        )


def measure(who: Callable[..., Means], dataset: DavisDataset, masks: Path, jobs: int) -> Measured:
    """Runs one evaluator in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_measure_here, who, dataset, masks, jobs).result()


def _measure_here(who: Callable[..., Means], dataset: DavisDataset, masks: Path, jobs: int) -> Measured:
    import vos_benchmark.benchmark  # noqa: F401  its loading is not timed

    cv2.setNumThreads(1)
    begun = time.perf_counter()
    means = who(dataset, masks, jobs)
    return Measured(time.perf_counter() - begun, peak_memory_mb(), means)


def ours(dataset: DavisDataset, masks: Path, jobs: int) -> Means:
    """Our evaluator."""
    scores = score_dataset(dataset, masks, jobs=jobs)
    return {
        s.name: {o.object_id: (o.j_statistics.mean, o.f_statistics.mean) for o in s.objects} for s in scores.sequences
    }


def theirs(dataset: DavisDataset, masks: Path, jobs: int) -> Means:
    """The vos-benchmark package, a sequence at a time as its own pool does."""
    from vos_benchmark.benchmark import VideoEvaluator

    evaluate = VideoEvaluator(str(dataset.sequences[0].annotations[0].parents[1]), str(masks))
    names = [sequence.name for sequence in dataset.sequences]
    if jobs == 1:
        return dict(map(_their_means, map(evaluate, names)))
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        return dict(map(_their_means, pool.map(evaluate, names)))


def _their_means(result: tuple[str, dict[int, float], dict[int, float]]) -> tuple[str, dict[int, tuple[float, float]]]:
    """In parts of one; the single object of DAVIS 2016 is stored as 255."""
    name, j, f = result
    return name, {1 if [*j] == [VOID] else i: (j[i] / 100, f[i] / 100) for i in j}


def move_annotations(dataset: DavisDataset, folder: Path) -> Path:
    """Writes every annotation, moved to the lower right, as if it were a result."""
    dx, dy = _SHIFT
    for sequence in dataset.sequences:
        (folder / sequence.name).mkdir()
        for annotation in sequence.annotations:
            labels = read_labels(annotation).astype(np.uint8)
            moved = np.zeros_like(labels)
            moved[dy:, dx:] = labels[:-dy, :-dx]
            write_labels(folder / sequence.name / annotation.name, moved)
    return folder


def object_differences(a: Means, b: Means) -> Iterator[float]:
    """The greater difference of J and F mean, an object of `a`; infinite for one that `b` does not have."""
    for name, objects in a.items():
        for object_id, means in objects.items():
            other = b[name].get(object_id, (np.inf, np.inf))
            yield float(np.abs(np.subtract(means, other)).max())


def _mb(measured: Measured) -> str:
    return "-" if measured.memory_mb is None else f"{measured.memory_mb:.0f}"


if __name__ == "__main__":
    run(main)
