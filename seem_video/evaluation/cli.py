"""`seem-video eval`: the command line of the evaluation; words to calls, results to tables."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from seem_video.errors import SeemVideoError

app = typer.Typer(help="Score masks on DAVIS, run a model over it, compare runs.")

_PROCESSES = os.cpu_count() or 1


class Year(str, Enum):
    """The two protocols; strings, because typer has no choice among numbers."""

    Y2016 = "2016"
    Y2017 = "2017"


class Init(str, Enum):
    """How the robot user points at the objects."""

    MASK = "mask"
    CLICK = "click"
    BOX = "box"
    SCRIBBLE = "scribble"
    POLYGON = "polygon"
    TEXT = "text"


class Start(str, Enum):
    """What the robot user of single images begins with."""

    CLICK = "click"
    BOX = "box"


class Task(str, Enum):
    """The protocols of DAVIS 2017."""

    SEMI = "semi-supervised"
    UNSUPERVISED = "unsupervised"


YearOption = Annotated[Year, typer.Option("--year", help="2016: one object; 2017: several.")]
SetOption = Annotated[str, typer.Option("--set", metavar="NAME", help="A list in ImageSets/YEAR, such as val.")]
ModelOption = Annotated[str, typer.Option("--model", metavar="NAME|FILE", help="A model's name or file.")]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, mps.")]
JobsOption = Annotated[int, typer.Option("--jobs", min=1, help="Processes that score.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@app.callback(invoke_without_command=True)
def _root(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


@app.command()
def davis(
    root: Annotated[Path, typer.Option("--root", metavar="DAVIS", help="The DAVIS folder.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where masks, tables and the report go.")],
    year: YearOption = Year.Y2017,
    set_name: SetOption = "val",
    model: ModelOption = "seem-nano",
    device: DeviceOption = "auto",
    init: Annotated[
        Init, typer.Option("--init", help="The prompt, made from the first annotation but for text.")
    ] = Init.MASK,
    texts: Annotated[
        Path | None,
        typer.Option(
            "--texts", metavar="FILE", help='For --init text: a line an object, such as: dog 1 "a brown dog".'
        ),
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=0, help="Rounds of correction clicks.")] = 0,
    jobs: JobsOption = _PROCESSES,
    as_json: JsonOption = False,
) -> None:
    """Run a model over DAVIS with prompts from the ground truth, and score it."""
    from seem_video.evaluation import tables
    from seem_video.evaluation.report import write_report
    from seem_video.evaluation.run import run_davis

    with tables.run_progress(shown=not as_json) as on_sequence:
        result = run_davis(
            root,
            out,
            model=model,
            device=device,
            year=int(year.value),
            set_name=set_name,
            init=init.value,
            texts=texts,
            rounds=rounds,
            jobs=jobs,
            on_sequence=on_sequence,
        )
    report = write_report(result.dataset, out / "masks", result.scores, out, result.record, jobs=jobs)
    tables.show_run(result, report, as_json=as_json)


@app.command()
def score(
    gt: Annotated[Path, typer.Option("--gt", metavar="DAVIS", help="The DAVIS folder.")],
    results: Annotated[Path, typer.Option("--results", metavar="DIR", help="<sequence>/<frame>.png, indexed.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the tables go.")],
    year: YearOption = Year.Y2017,
    set_name: SetOption = "val",
    task: Annotated[Task, typer.Option("--task", help="The protocol.")] = Task.SEMI,
    jobs: JobsOption = _PROCESSES,
    as_json: JsonOption = False,
) -> None:
    """Score masks in the official layout, whoever made them."""
    from seem_video.evaluation import tables
    from seem_video.evaluation.davis import DavisDataset
    from seem_video.evaluation.report import write_report
    from seem_video.evaluation.scoring import score_dataset

    dataset = DavisDataset.open(gt, year=int(year.value), set_name=set_name, task=task.value)
    scores = score_dataset(dataset, results, out, jobs=jobs)
    tables.show_scores(scores, write_report(dataset, results, scores, out, jobs=jobs), as_json=as_json)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="The --out folder of an evaluation.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another one, on the same sequences.")],
    as_json: JsonOption = False,
) -> None:
    """Show two results side by side, with the interval of their difference."""
    from seem_video.evaluation import tables
    from seem_video.evaluation.compare import compare as compare_results

    tables.show_comparison(compare_results(a, b), as_json=as_json)


@app.command()
def interactive(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where interactive.json and run.json go.")],
    root: Annotated[
        list[Path] | None, typer.Option("--root", metavar="DIR", help="A folder of images/ and masks/; or several.")
    ] = None,
    images: Annotated[Path | None, typer.Option("--images", metavar="DIR", help="Or: a folder of images,")] = None,
    masks: Annotated[
        Path | None, typer.Option("--masks", metavar="DIR", help="and one of PNGs of ids, of the same stems.")
    ] = None,
    init: Annotated[Start, typer.Option("--init", help="A box takes the place of the first click.")] = Start.CLICK,
    held_out: Annotated[bool, typer.Option("--held-out", help="Only the one in ten that training leaves out.")] = False,
    model: ModelOption = "seem-nano",
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Count the clicks a robot user needs on single images: NoC@85, NoC@90, mIoU@k."""
    from seem_video.evaluation import tables
    from seem_video.evaluation.interactive import run_interactive

    if root and images is None and masks is None:
        folders: list[tuple[str | Path, str | Path]] = [(each / "images", each / "masks") for each in root]
    elif not root and images is not None and masks is not None:
        folders = [(images, masks)]
    else:
        raise SeemVideoError("Say where the images are: either --root, or --images and --masks.")
    with tables.image_progress(shown=not as_json) as on_image:
        scores = run_interactive(
            folders, out, init=init.value, held_out=held_out, model=model, device=device, on_image=on_image
        )
    tables.show_interactive(scores, as_json=as_json)
