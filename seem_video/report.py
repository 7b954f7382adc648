"""What a run says on the terminal: the progress bar while it goes, the summary when it is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from seem_video.results import FrameResult
from seem_video.job import TrackSummary

_MOST_RUNS = 6  # runs of frames that the summary lists of one object


class FrameProgress:
    """A progress bar with frames, frames a second and the time left; it counts even where it is not shown."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("tracking", total=None)
        self.frames = 0

    def advance(self, result: FrameResult, expected: int | None) -> None:
        """Counts one more frame of the number expected."""
        self.frames += 1
        self._bar.update(self._task, advance=1, total=expected)


@contextmanager
def frame_progress(*, shown: bool) -> Iterator[FrameProgress]:
    """Shows a progress bar for as long as the context lasts."""
    columns = (TextColumn("{task.description}"), BarColumn(), _FrameColumn(), TimeRemainingColumn(), TextColumn("left"))
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bar:
        yield FrameProgress(bar)


class _FrameColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        of = f"/{task.total:.0f}" if task.total else ""
        speed = f", {task.speed:.1f} frames/s" if task.speed else ""
        return Text(f"{task.completed:.0f}{of} frames{speed}")


def print_summary(summary: TrackSummary) -> None:
    """Prints frames, time and where it went, the frames in which each object is visible, and where the files are."""
    shares = ", ".join(
        f"{name} {share / max(summary.seconds, 1e-9):.0%}"
        for name, share in (("decode", summary.decode_s), ("model", summary.model_s), ("write", summary.write_s))
    )
    print(
        f"{_count(summary.frames, 'frame')} of {summary.source} in {summary.seconds:.1f} s, "
        f"{summary.frames_per_second:.1f} frames/s ({shares})"
    )
    for object_id, runs in summary.visible.items():
        label = summary.labels[object_id]
        name = f"object {object_id}" if label == str(object_id) else f"object {object_id} ({label})"
        print(f"{name}: {_describe(runs, summary)}")
    print(f"in {summary.out}: {', '.join(path.name + '/' * path.is_dir() for path in summary.files)}")


def _describe(runs: list[tuple[int, int]], summary: TrackSummary) -> str:
    if not runs:
        return "visible in no frame"
    words = [f"{first}" if first == last else f"{first}-{last}" for first, last in runs[:_MOST_RUNS]]
    more = f" and {len(runs) - _MOST_RUNS} more runs" if len(runs) > _MOST_RUNS else ""
    seen = sum((last - first) // summary.stride + 1 for first, last in runs)
    return f"visible in {seen} of {_count(summary.frames, 'frame')}: {', '.join(words)}{more}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + "s" * (number != 1)
