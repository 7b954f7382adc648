"""The command line: words to API calls, results to a summary, a user's mistakes to one sentence and exit code 2.

Exit codes are those of `terminal`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import seem_video
from seem_video import demo_clip, terminal
from seem_video.commands.batch import batch
from seem_video.commands.export import export
from seem_video.commands.options import SAVE_HELP, Device, Model, split_list
from seem_video.commands.ui import ui
from seem_video.evaluation.cli import app as evaluation
from seem_video.prompt_options import command_with_prompts

if TYPE_CHECKING:
    from seem_video.io.reader import SourceInfo
    from seem_video.prompts import PromptEntry

app = typer.Typer(
    help="Click a thing in a video, get its mask in every frame.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(evaluation, name="eval")
app.command()(export)
app.command()(batch)
_models = typer.Typer(invoke_without_command=True)
app.add_typer(_models, name="models")
app.command()(ui)


def _frames(name: str, words: str, least: int) -> Any:
    return typer.Option(name, help=words, min=least, rich_help_panel="Frames")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"seem-video {seem_video.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    warnings.formatwarning = lambda message, *_, **__: f"Warning: {message}\n"
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


_Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder to write into.", rich_help_panel="Outputs")]
_Precision = Annotated[str, typer.Option(help="auto, fp32; bf16, fp16 or int8 where the device is faster at it.")]
_Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Write into a folder that is not empty.", rich_help_panel="Outputs")
]


@command_with_prompts(app)
def track(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(help="Video, folder or glob of images, one image, camera number, stream address, - for a pipe."),
    ],
    out: _Out,
    model: Model = "seem-nano",
    device: Device = "auto",
    precision: _Precision = "auto",
    start: Annotated[int, _frames("--start", "First frame to track.", least=0)] = 0,
    stop: Annotated[int | None, _frames("--stop", "Frame to stop before.", least=1)] = None,
    stride: Annotated[int, _frames("--stride", "Track every so many frames.", least=1)] = 1,
    max_side: Annotated[
        int | None, _frames("--max-side", "Longest side in pixels at which the model sees a frame.", least=32)
    ] = None,
    realtime: Annotated[
        bool,
        typer.Option("--realtime", help="Drop frames that come while the model is busy.", rich_help_panel="Frames"),
    ] = False,
    save: Annotated[list[str] | None, typer.Option(metavar="LIST", help=SAVE_HELP, rich_help_panel="Outputs")] = None,
    overwrite: _Overwrite = False,
    session: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Session to begin or go on with.", rich_help_panel="Outputs"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was cut short.", rich_help_panel="Outputs")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print nothing but errors.", rich_help_panel="Outputs")
    ] = False,
) -> int:
    """Follow what the prompts point at through a video and write an overlay video, masks and a contact sheet."""
    from seem_video.prompts import read_options

    entries = read_options(ctx.obj)
    options: dict[str, Any] = {
        "model": model,
        "device": device,
        "precision": precision,
        "start": start,
        "stop": stop,
        "stride": stride,
        "max_side": max_side,
        "session": session,
        "resume": resume,
        "realtime": realtime,
    }
    if save:
        options["save"] = split_list(save)
    return _track(source, entries, quiet=quiet, out=out, overwrite=overwrite, **options)


@command_with_prompts(app, without=["at"])
def segment(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="An image, or a folder of images.")],
    out: _Out,
    labels: Annotated[
        str | None, typer.Option(help="Names to choose from, such as dog,frisbee, or a .txt file; COCO's classes.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Without prompts: panoptic (default), instance or semantic regions.")
    ] = None,
    model: Annotated[str, typer.Option(help="A released model that `seem-video models` lists, or a file.")] = (
        "seem-focalt-v1"
    ),
    device: Device = "auto",
    precision: _Precision = "auto",
    overwrite: _Overwrite = False,
) -> None:
    """Segment images: what is pointed at, named or shown in another image, or everything, with labels."""
    from seem_video.image_job import segment as run
    from seem_video.prompts import read_options

    written = run(
        source,
        out=out,
        prompts=read_options(ctx.obj),
        labels=labels,
        task=task,
        model=model,
        device=device,
        precision=precision,
        overwrite=overwrite,
    )
    for path in written:
        print(path)


@app.command()
def demo(out: _Out = Path("seem-video-demo"), overwrite: _Overwrite = False) -> int:
    """Follow the rabbit of a five-second clip that comes with the package, from one click."""
    from seem_video.prompts import load_prompts

    print(demo_clip.CREDITS.read_text(encoding="utf-8").strip())
    return _track(demo_clip.VIDEO, load_prompts(demo_clip.PROMPTS), out=out, overwrite=overwrite)


@app.command()
def info(
    source: Annotated[str, typer.Argument(help="As for track.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Say what the reader sees in a source."""
    from seem_video.io.reader import open_reader

    with open_reader(source) as reader:
        seen = reader.info
    if as_json:
        print(json.dumps(dataclasses.asdict(seen), indent=2, default=str))
        return
    for name, value in _facts(seen).items():
        print(f"{name:10}{value}")


@_models.callback()
def models(ctx: typer.Context) -> None:
    """List the models, their size, licence and where they come from; `models download NAME` fetches one."""
    if ctx.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table

    from seem_video.model.checkpoints import list_models

    table = Table("Name", "Size", "Licence", "Where", "What", box=None, pad_edge=False)
    for card in list_models():
        table.add_row(card.name, f"{card.size_bytes / 1e6:.1f} MB", card.licence, card.where, card.description)
    console = Console()
    console.print(table)
    console.print(
        "\nThe code is Apache-2.0; weights have the licence of their row, and those trained on data for non-commercial "
        "research are not for commercial use."
    )


@_models.command()
def download(name: Annotated[str, typer.Argument(help="A name that `seem-video models` lists.")]) -> None:
    """Fetch a released model, check it and keep it, so that using it needs no network."""
    from seem_video.model.checkpoints import download_model

    print(download_model(name))


def main() -> None:
    """Runs the command line and leaves with its exit code."""
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")  # the cores are the model's and the encoder's
    terminal.run(app, name="seem-video")


def _facts(info: SourceInfo) -> dict[str, str]:
    return {
        "name": info.name,
        "kind": info.kind,
        "size": f"{info.width}x{info.height}" + (f", turned by {info.rotation} degrees" if info.rotation else ""),
        "rate": "unknown" if info.fps is None else f"{info.fps:.4g} frames/s",
        "frames": "unknown" if info.frames is None else f"{info.frames}",
        "duration": "unknown" if info.duration_s is None else f"{info.duration_s:.2f} s",
        "coded as": "-" if info.codec is None else f"{info.codec}, {info.pix_fmt}",
        "sound": "yes" if info.has_audio else "no",
    }


def _track(source: str | Path, entries: list[PromptEntry], *, out: Path, quiet: bool = False, **options: Any) -> int:
    """Tracks with a progress bar and prints the summary; returns the exit code."""
    from seem_video.report import FrameProgress, print_summary

    with FrameProgress(shown=not quiet) as progress:
        try:
            summary = seem_video.track(source, entries, out=out, on_frame=progress.advance, **options)
        except KeyboardInterrupt:
            summary = None
    if summary is None:
        done = "nothing was written"
        if progress.frames:
            done = f"what is done is kept in {out}, named as partial; the same command with --resume goes on from there"
        print(f"Stopped after {progress.frames} frames: {done}.", file=sys.stderr)
        return terminal.INTERRUPTED
    if not quiet:
        print_summary(summary)
    if summary.broken:
        print(f"Error: {summary.broken}", file=sys.stderr)
        return terminal.BROKEN_SOURCE
    return 0
