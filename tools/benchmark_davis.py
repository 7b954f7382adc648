"""Times our scoring and the `vos-benchmark` package on the same masks, one process each, and checks that they agree.

    pip install --no-deps vos-benchmark && pip install scikit-image tqdm
    python tools/benchmark_davis.py --root DAVIS --year 2017 --set val --results DIR

(`--no-deps`, because it asks for opencv-python, whose files overwrite those of opencv-python-headless.)

Without --results the annotations themselves, moved by (5, 3) pixels, stand for a tracker's masks.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.progress import track as progress

from seem_video.errors import SeemVideoError
from seem_video.evaluation.davis import DavisDataset
from seem_video.evaluation.labels import VOID, read_labels, write_labels
from seem_video.evaluation.scores import SequenceScores
from seem_video.evaluation.scoring import score_dataset, score_sequence

_SHIFT = (5, 3)
_EXACT = 1e-12


def main(
    root: Annotated[Path, typer.Option(help="The DAVIS folder.")],
    year: Annotated[int, typer.Option(help="2016 or 2017.")] = 2017,
    set_name: Annotated[str, typer.Option("--set", help="A list in ImageSets/YEAR.")] = "val",
    results: Annotated[Path | None, typer.Option(help="Masks to score.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes of the run that is spread.")] = 2,
) -> None:
    """Print seconds, ratio and greatest difference."""
    from vos_benchmark.benchmark import VideoEvaluator

    dataset = DavisDataset.open(root, year=year, set_name=set_name)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        masks = results or move_annotations(dataset, Path(folder))
        theirs = VideoEvaluator(str(dataset.sequences[0].annotations[0].parents[1]), str(masks))
        ours_s = theirs_s = 0.0
        differences: list[float] = []
        for sequence in progress(dataset.sequences, "Scoring", transient=True):
            begun = time.perf_counter()
            scores = score_sequence(sequence, masks)
            between = time.perf_counter()
            _, j, f = theirs(sequence.name)
            ours_s, theirs_s = ours_s + between - begun, theirs_s + time.perf_counter() - between
            differences += object_differences(scores, j, f)
        begun = time.perf_counter()
        score_dataset(dataset, masks, jobs=jobs)
        spread_s = time.perf_counter() - begun
    frames = sum(len(sequence.evaluated) for sequence in dataset.sequences)
    console = Console(highlight=False)
    console.print(f"{len(dataset.sequences)} sequences, {frames} frames")
    console.print(f"seem-video     {ours_s:7.2f} s, one process ({spread_s:.2f} s with {jobs}, their start included)")
    console.print(f"vos-benchmark  {theirs_s:7.2f} s, one process")
    console.print(f"ratio          {theirs_s / ours_s:7.2f}")
    equal = sum(difference <= _EXACT for difference in differences)
    console.print(f"objects whose J and F means are equal to {_EXACT:g}: {equal} of {len(differences)}")
    if equal < len(differences):
        console.print(
            "Others come or go: vos-benchmark counts an object from the frame it appears in, and every stored id."
        )


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


def object_differences(scores: SequenceScores, j: dict[int, float], f: dict[int, float]) -> list[float]:
    """The greater difference of J and F mean, an object; infinite for one that vos-benchmark does not see."""
    differences = []
    for o in scores.objects:
        stored = o.object_id if o.object_id in j else VOID  # the one object of DAVIS 2016 is stored as 255
        theirs = np.array([j.get(stored, np.inf), f.get(stored, np.inf)]) / 100  # they give percent
        differences.append(float(np.abs(theirs - [o.j_statistics.mean, o.f_statistics.mean]).max()))
    return differences


if __name__ == "__main__":
    try:
        typer.run(main)
    except SeemVideoError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
