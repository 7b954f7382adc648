"""What a run says on the terminal: the progress bar while it goes, the summary when it is done."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from seem_video.job import TrackSummary
from seem_video.results import FrameResult

_MOST_RUNS = 6  # runs of frames that the summary lists of one object


class FrameProgress:
    """A progress bar with frames, frames a second and the time left, from the first frame on; a context manager.

    Attributes:
        frames: how many were counted, whether the bar is shown or not.
    """

    def __init__(self, *, shown: bool, doing: str = "tracking") -> None:
        self.frames = 0
        columns = (TextColumn(doing), BarColumn(), _FrameColumn(), TimeRemainingColumn(), TextColumn("left"))
        self._bar = Progress(*columns, console=Console(stderr=True), speed_estimate_period=120, disable=not shown)
        self._task = self._bar.add_task(doing, total=None)

    def advance(self, result: FrameResult, expected: int | None) -> None:
        """Counts one more frame of the number expected."""
        if not self.frames:
            self._bar.start()
        self.frames += 1
        self._bar.update(self._task, advance=1, total=expected)

    def __enter__(self) -> FrameProgress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.frames:
            self._bar.stop()


class _FrameColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        of = f"/{task.total:.0f}" if task.total else ""
        speed = f", {task.speed:.1f} frames/s" if task.speed else ""
        return Text(f"{task.completed:.0f}{of} frames{speed}")


def print_summary(summary: TrackSummary) -> None:
    """Prints frames, time and where it went, latency, the frames in which each object is visible, and the files."""
    shares = ", ".join(
        f"{name} {share / max(summary.seconds, 1e-9):.0%}"
        for name, share in (("decode", summary.decode_s), ("model", summary.model_s), ("write", summary.write_s))
    )
    print(
        f"{_count(summary.frames, 'frame')} of {summary.source} in {summary.seconds:.1f} s, "
        f"{summary.frames_per_second:.1f} frames/s ({shares})"
    )
    median_s, most_s = summary.latency_s(0.5), summary.latency_s(0.95)
    if median_s is not None and most_s is not None:
        print(
            f"from a frame's arrival to its masks {median_s:.3f} s (median), {most_s:.3f} s (95 %); "
            f"{_count(summary.dropped, 'frame')} dropped"
        )
    for object_id, runs in summary.visible.items():
        label = summary.labels[object_id]
        name = f"object {object_id}" if label == str(object_id) else f"object {object_id} ({label})"
        print(f"{name}: {_describe(runs, summary.seen.get(object_id, 0), summary.frames)}")
    print(f"in {summary.out}: {', '.join(path.name + '/' * path.is_dir() for path in summary.files)}")


def _describe(runs: list[tuple[int, int]], seen: int, frames: int) -> str:
    if not runs:
        return "visible in no frame"
    words = [f"{first}" if first == last else f"{first}-{last}" for first, last in runs[:_MOST_RUNS]]
    more = f" and {len(runs) - _MOST_RUNS} more runs" if len(runs) > _MOST_RUNS else ""
    return f"visible in {seen} of {_count(frames, 'frame')}: {', '.join(words)}{more}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + "s" * (number != 1)
