"""`seem-video batch`: many videos, side by side."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seem_video.commands.options import SAVE_HELP, Device, Model, Quiet, split_list
from seem_video.terminal import BROKEN_SOURCE, INTERRUPTED

if TYPE_CHECKING:
    from seem_video.batch.record import Outcome
    from seem_video.batch.runner import Engine


class EngineName(str, Enum):
    """Where the jobs run."""

    LOCAL = "local"
    RAY = "ray"


_SOME_FAILED = 4


def batch(
    jobs: Annotated[str, typer.Argument(help="A .jsonl file with a job a line, or a glob of videos, in quotes.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write into, a folder a job.")],
    workers: Annotated[int, typer.Option(min=1, help="Jobs at a time, each in a process of its own.")] = 1,
    engine: Annotated[
        EngineName, typer.Option(help="This machine, or the Ray cluster that is running (ray start --head).")
    ] = EngineName.LOCAL,
    prompts: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="For every video of a glob; a.json beside a.mp4.")
    ] = None,
    model: Model = "seem-nano",
    device: Device = "auto",
    save: Annotated[list[str] | None, typer.Option(metavar="LIST", help=SAVE_HELP)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what was made by other settings.")] = False,
    quiet: Quiet = False,
) -> int:
    """Track many videos; what is done already is skipped, so the same command goes on where it was stopped.

    Exit codes: 0 all done; 3 a source broke off; 4 a job failed; 2 and 130 as for the other commands.
    """
    from seem_video.batch.jobs import read_jobs
    from seem_video.batch.runner import run_batch

    options = {"model": model} | ({"save": split_list(save)} if save else {})
    found = read_jobs(jobs, prompts=prompts, **options)
    runs = _engine(engine)
    tell = _silent if quiet else _tell
    try:
        outcomes = run_batch(found, out, runs, workers=workers, device=device, overwrite=overwrite, on_change=tell)
    except KeyboardInterrupt:
        print("Stopped: the same command goes on from here.", file=sys.stderr)
        return INTERRUPTED
    if not quiet:
        _show(outcomes)
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    if failed:
        names = ", ".join(outcome.name for outcome in failed)
        print(f"Error: {len(failed)} of {len(outcomes)} jobs failed: {names}.", file=sys.stderr)
        return _SOME_FAILED
    return BROKEN_SOURCE if any(outcome.note for outcome in outcomes) else 0


def _engine(name: EngineName) -> Engine:
    if name is EngineName.RAY:
        from seem_video.batch.ray_engine import RayEngine

        return RayEngine()
    from seem_video.batch.processes import ProcessEngine

    return ProcessEngine()


def _tell(outcome: Outcome) -> None:
    if outcome.state == "begun":
        words = "begun" if outcome.attempts == 1 else "begun again"
    else:
        words = outcome.state if outcome.note is None else f"{outcome.state}: {_first_line(outcome.note)}"
    print(f"{outcome.name}: {words}", file=sys.stderr)


def _silent(outcome: Outcome) -> None:
    pass


def _show(outcomes: list[Outcome]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for header in ("Job", "State", "Frames", "Seconds", "Attempts"):
        table.add_column(header, no_wrap=True)
    table.add_column("Note")
    for outcome in outcomes:
        numbers = f"{outcome.frames:,}", f"{outcome.seconds:.1f}", str(outcome.attempts)
        table.add_row(outcome.name, outcome.state, *numbers, _first_line(outcome.note or ""))
    Console().print(table)


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
