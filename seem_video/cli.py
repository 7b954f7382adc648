"""The command line: words to API calls, results to a summary, a user's mistakes to one sentence and exit code 2.

Exit codes: 0 done; 2 something to mend, said in one sentence; 3 the source broke off, and what decoded is tracked and
kept; 130 stopped by Ctrl-C. What the program itself does wrong keeps its traceback.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

import seem_video
from seem_video.commands.batch import batch
from seem_video.commands.export import SAVE_HELP, export, split_list
from seem_video.errors import SeemVideoError
from seem_video.evaluation.cli import app as evaluation

if TYPE_CHECKING:
    from seem_video.io.reader import SourceInfo
    from seem_video.prompts import PromptEntry

_DEMO = Path(__file__).parent / "data"
_MISTAKE, _BROKEN_SOURCE, _INTERRUPTED = 2, 3, 130
# Newer releases of typer carry click inside themselves, older ones depend on it: either way, what words can do wrong.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

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


class _OrderedCommand(TyperCommand):
    """Leaves the prompt options in `ctx.obj` as (name, value) pairs in the order of the command line.

    A command gets its options by name, in which `--object 2 --click 5,5` and `--click 5,5 --object 2` are the same.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        values, _, order = self.make_parser(ctx).parse_args(args=list(args))
        names = [(param.name, param.opts[0].removeprefix("--")) for param in order]
        given = {key: iter(values[key]) for key, name in names if name in _PROMPT_OPTIONS}
        ctx.obj = [(name, next(given[key])) for key, name in names if key in given]
        return super().parse_args(ctx, args)


_PROMPT_OPTIONS = {
    "click": ("X,Y[,-]", "A point on the object; with ,- one off it."),
    "click-neg": ("X,Y", "A point off the object."),
    "box": ("X0,Y0,X1,Y1", "A box around the object, from its top left to its bottom right pixel."),
    "scribble": ("X,Y;X,Y;...[;-]", "A stroke over the object; with ;- off it."),
    "polygon": ("X,Y;X,Y;...", "The object's outline."),
    "mask": ("FILE", "An image with the object's mask: 0 and 255, or one id an object."),
    "object": (
        "N",
        "The object of the prompts after this (1); N: before a value is for that one alone.",
    ),
    "at": (
        "FRAME|SECONDSs",
        "The frame of the prompts after this, such as 30 or 1.5s (the first).",
    ),
    "prompts": ("FILE.json", "All of these in a file, see docs/prompts.md."),
}


def _prompt(name: str) -> Any:
    metavar, words = _PROMPT_OPTIONS[name]
    return typer.Option(f"--{name}", metavar=metavar, help=words, rich_help_panel="Prompts, read in the order given")


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
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


_Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder to write into.", rich_help_panel="Outputs")]
_Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Write into a folder that is not empty.", rich_help_panel="Outputs")
]
_Words = list[str] | None


@app.command(cls=_OrderedCommand)
def track(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(help="Video, folder or glob of images, one image, camera number or stream address.")
    ],
    out: _Out,
    click: Annotated[_Words, _prompt("click")] = None,
    click_neg: Annotated[_Words, _prompt("click-neg")] = None,
    box: Annotated[_Words, _prompt("box")] = None,
    scribble: Annotated[_Words, _prompt("scribble")] = None,
    polygon: Annotated[_Words, _prompt("polygon")] = None,
    mask: Annotated[_Words, _prompt("mask")] = None,
    object_: Annotated[_Words, _prompt("object")] = None,
    at: Annotated[_Words, _prompt("at")] = None,
    prompts: Annotated[_Words, _prompt("prompts")] = None,
    model: Annotated[str, typer.Option(help="A name that `seem-video models` lists, or a file.")] = "seem-nano",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    start: Annotated[int, _frames("--start", "First frame to track.", least=0)] = 0,
    stop: Annotated[int | None, _frames("--stop", "Frame to stop before.", least=1)] = None,
    stride: Annotated[int, _frames("--stride", "Track every so many frames.", least=1)] = 1,
    max_side: Annotated[
        int | None, _frames("--max-side", "Longest side in pixels at which the model sees a frame.", least=32)
    ] = None,
    save: Annotated[_Words, typer.Option(metavar="LIST", help=SAVE_HELP, rich_help_panel="Outputs")] = None,
    overwrite: _Overwrite = False,
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
        "start": start,
        "stop": stop,
        "stride": stride,
        "max_side": max_side,
    }
    if save:
        options["save"] = split_list(save)
    return _track(source, entries, quiet=quiet, out=out, overwrite=overwrite, **options)


@app.command(cls=_OrderedCommand)
def segment(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="An image, or a folder of images.")],
    out: _Out,
    click: Annotated[_Words, _prompt("click")] = None,
    click_neg: Annotated[_Words, _prompt("click-neg")] = None,
    box: Annotated[_Words, _prompt("box")] = None,
    scribble: Annotated[_Words, _prompt("scribble")] = None,
    polygon: Annotated[_Words, _prompt("polygon")] = None,
    mask: Annotated[_Words, _prompt("mask")] = None,
    object_: Annotated[_Words, _prompt("object")] = None,
    prompts: Annotated[_Words, _prompt("prompts")] = None,
    text: Annotated[_Words, typer.Option(help="What to look for, in words; more than once for several things.")] = None,
    reference: Annotated[Path | None, typer.Option(help="Another image of what to look for.")] = None,
    reference_mask: Annotated[Path | None, typer.Option(help="The mask of it in that image.")] = None,
    labels: Annotated[
        str | None, typer.Option(help="Names for everything, such as dog,frisbee, or a .txt file; COCO's classes.")
    ] = None,
    model: Annotated[str, typer.Option(help="A released model that `seem-video models` lists, or a file.")] = (
        "seem-focalt-v1"
    ),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    overwrite: _Overwrite = False,
) -> None:
    """Segment images: what is pointed at, named or shown in another image, or everything, with labels."""
    from seem_video.image_job import segment as run
    from seem_video.prompts import read_options

    if (reference is None) != (reference_mask is None):
        raise SeemVideoError("A reference image needs the mask of what is meant in it: give --reference-mask with it.")
    shown = None if reference is None or reference_mask is None else (reference, reference_mask)
    written = run(
        source,
        out=out,
        prompts=read_options(ctx.obj),
        text=text or [],
        reference=shown,
        labels=labels,
        model=model,
        device=device,
        overwrite=overwrite,
    )
    for path in written:
        print(path)


@app.command()
def demo(out: _Out = Path("seem-video-demo"), overwrite: _Overwrite = False) -> int:
    """Follow the rabbit of a five-second clip that comes with the package, from one click."""
    from seem_video.prompts import load_prompts

    print((_DEMO / "CREDITS.txt").read_text(encoding="utf-8").strip())
    return _track(_DEMO / "demo.mp4", load_prompts(_DEMO / "demo.json"), out=out, overwrite=overwrite)


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
    try:
        code = app(standalone_mode=False, prog_name="seem-video")
    except SeemVideoError as error:
        code = _say_mistake(str(error))
    except _UsageError as error:
        code = _say_mistake(_with_help(error))
    sys.exit(code)


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


def _with_help(error: Any) -> str:
    command = error.ctx.command_path if error.ctx else "seem-video"
    return f"{error.format_message().rstrip('.')}; see '{command} --help'."


def _say_mistake(sentence: str) -> int:
    print(f"Error: {sentence}", file=sys.stderr)
    return _MISTAKE


def _track(source: str | Path, entries: list[PromptEntry], *, out: Path, quiet: bool = False, **options: Any) -> int:
    """Tracks with a progress bar and prints the summary; returns the exit code."""
    from seem_video.report import FrameProgress, print_summary

    with FrameProgress(shown=not quiet) as progress:
        try:
            summary = seem_video.track(source, entries, out=out, on_frame=progress.advance, **options)
        except KeyboardInterrupt:
            summary = None
    if summary is None:
        done = f"what is done is kept in {out}, named as partial" if progress.frames else "nothing was written"
        print(f"Stopped after {progress.frames} frames: {done}.", file=sys.stderr)
        return _INTERRUPTED
    if not quiet:
        print_summary(summary)
    if summary.broken:
        print(f"Error: {summary.broken}", file=sys.stderr)
        return _BROKEN_SOURCE
    return 0
