"""`seem-video export`: more outputs from masks that are there already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seem_video.commands.options import SAVE_HELP, Quiet, split_list


def export(
    results: Annotated[Path, typer.Argument(help="The --out folder of a tracking run, with its masks.json.")],
    source: Annotated[str, typer.Argument(help="The source that was tracked.")],
    save: Annotated[
        list[str],
        typer.Option(metavar="LIST", help=SAVE_HELP.replace(" (these four unless given)", "")),
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder to write into; RESULTS.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that are there already.")] = False,
    quiet: Quiet = False,
) -> None:
    """Write further outputs from the masks of an earlier run, without tracking again."""
    from seem_video.export_job import export as run
    from seem_video.report import FrameProgress

    with FrameProgress(shown=not quiet, doing="exporting") as progress:
        files = run(results, source, save=split_list(save), out=out, overwrite=overwrite, on_frame=progress.advance)
    if not quiet:
        for path in files:
            print(path)
