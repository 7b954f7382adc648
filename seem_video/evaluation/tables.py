"""Scores on the terminal: tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from seem_video.evaluation.compare import Comparison
from seem_video.evaluation.confidence import confidence
from seem_video.evaluation.interactive import InteractiveScores
from seem_video.evaluation.metrics import Statistics, mean_statistics
from seem_video.evaluation.record import SequenceRun, area_under_curve, round_curve
from seem_video.evaluation.scores import Scores, SequenceScores

if TYPE_CHECKING:
    from seem_video.evaluation.run import RunResult

_MEASURES = ("J&F", "J mean", "J recall", "J decay", "F mean", "F recall", "F decay")


@contextmanager
def run_progress(*, shown: bool) -> Iterator[Callable[[str, SequenceRun, bool], None]]:
    """A line on the terminal for each sequence that is done."""
    console = Console(stderr=True, highlight=False, quiet=not shown)

    def report(name: str, run: SequenceRun, reused: bool) -> None:
        how = "done before, kept" if reused else f"{run.passes / run.seconds:.1f} frames/s"
        console.print(f"{name}: {run.frames} frames, {how}")

    yield report


@contextmanager
def image_progress(*, shown: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar over the images of an interactive run."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not (shown and console.is_terminal), transient=True) as progress:
        task = progress.add_task("Clicking", total=None)
        yield lambda name, done, total: progress.update(task, completed=done, total=total)


def show_interactive(scores: InteractiveScores, *, as_json: bool) -> None:
    """Prints NoC, failures and mIoU of an interactive run, of all objects and by size."""
    measures = scores.by_size()
    if as_json:
        print(json.dumps(measures))
        return
    table = Table(title="Clicks on single images, by COCO's sizes", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("Measure")
    for size in measures:
        table.add_column(size, justify="right")
    for name in measures["all"]:
        values = [measured.get(name) for measured in measures.values()]
        cells = ("-" if v is None else str(v) if isinstance(v, int) else f"{v:.3f}" for v in values)
        table.add_row(name, *cells)
    Console(highlight=False).print(table)


def show_scores(scores: Scores, report: Path, *, as_json: bool) -> None:
    """Prints the scores of somebody's masks and where the tables are."""
    if as_json:
        print(json.dumps(scores.as_dict()))
        return
    console = Console(highlight=False)
    console.print(score_table(scores))
    console.print(f"Report: {report}")


def show_run(result: RunResult, report: Path, *, as_json: bool) -> None:
    """Prints the scores of a run, its rounds and its speed, and what was missing from the data."""
    if as_json:
        print(json.dumps(run_as_dict(result)))
        return
    console = Console(highlight=False)
    console.print(score_table(result.scores))
    if result.record.settings.rounds:
        console.print(_round_table(result))
    runs = result.record.sequences.values()
    seconds = sum(run.seconds for run in runs)
    console.print(f"Confidence: {confidence(result.record, result.scores)}.")
    console.print(f"{sum(run.passes for run in runs) / seconds:.1f} frames/s, {seconds:.0f} s in all. Report: {report}")
    if missing := result.dataset.missing:
        present, listed = len(result.dataset.sequences), len(result.dataset.sequences) + len(missing)
        console.print(
            f"A partial copy: {present} of the {listed} sequences of {result.dataset.set_name} are here, so these are"
            f" not numbers for {result.dataset.set_name}. Missing: {', '.join(missing)}."
        )


def show_comparison(comparison: Comparison, *, as_json: bool) -> None:
    """Prints J&F of two results, a sequence a row, the largest loss first."""
    if as_json:
        print(json.dumps(comparison.as_dict()))
        return
    table = Table(title="J&F, percent", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("Sequence", no_wrap=True)
    for name in ("A", "B", "B - A"):
        table.add_column(name, justify="right")
    for pair in sorted(comparison.pairs, key=lambda pair: pair.b - pair.a):
        table.add_row(pair.name, *_difference(pair.a, pair.b))
    table.add_section()
    table.add_row("All objects", *_difference(comparison.a, comparison.b), style="bold")
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "95 % interval of B - A (paired bootstrap over sequences):"
        f" {100 * comparison.low:+.1f} to {100 * comparison.high:+.1f}"
    )


def run_as_dict(result: RunResult) -> dict[str, Any]:
    """A run's scores, rounds and speed, for JSON."""
    runs = result.record.sequences.values()
    correlation = confidence(result.record, result.scores).correlation
    return {
        **result.scores.as_dict(),
        "missing": list(result.dataset.missing),
        "rounds": [{"J&F": jf, "J": j, "F": f} for jf, j, f in round_curve(result.record)],
        "area_under_curve": area_under_curve(round_curve(result.record)),
        "confidence_correlation": None if math.isnan(correlation) else correlation,
        "frames_per_second": sum(run.passes for run in runs) / sum(run.seconds for run in runs),
        "peak_memory_mb": result.record.peak_memory_mb,
    }


def score_table(scores: Scores) -> Table:
    """One row a sequence (the mean of its objects) and the official mean over all objects last."""
    title = f"DAVIS {scores.title}, {len(scores.objects)} objects, percent"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Sequence", no_wrap=True)
    for name in _MEASURES:
        table.add_column(name, justify="right", min_width=6)
    for sequence in scores.sequences:
        table.add_row(sequence.name, *_row(*_sequence_statistics(sequence)))
    table.add_section()
    table.add_row("All objects", *_row(scores.j, scores.f), style="bold")
    return table


def _sequence_statistics(sequence: SequenceScores) -> tuple[Statistics, Statistics]:
    objects = sequence.objects
    return mean_statistics([o.j_statistics for o in objects]), mean_statistics([o.f_statistics for o in objects])


def _row(j: Statistics, f: Statistics) -> list[str]:
    values = ((j.mean + f.mean) / 2, j.mean, j.recall, j.decay, f.mean, f.recall, f.decay)
    return ["-" if math.isnan(v) else f"{100 * v:.1f}" for v in values]


def _difference(a: float, b: float) -> list[str]:
    return [f"{100 * a:.1f}", f"{100 * b:.1f}", f"{100 * (b - a):+.1f}"]


def _round_table(result: RunResult) -> Table:
    table = Table(title="Correction clicks, percent", title_justify="left", box=SIMPLE_HEAD)
    for name in ("Round", "J&F", "J", "F"):
        table.add_column(name, justify="right")
    for r, values in enumerate(round_curve(result.record)):
        table.add_row(str(r), *(f"{100 * v:.1f}" for v in values))
    table.add_section()
    table.add_row("Area", f"{100 * area_under_curve(round_curve(result.record)):.1f}", style="bold")
    return table
