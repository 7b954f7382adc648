"""Options that several commands have, and how their words are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

SAVE_HELP = (
    "What to write, separated by commas: overlay, masks, rle, contact (these four unless given); cutout-webm, "
    "cutout-mov, cutout-png, green, blur, gif, webp, coco, ytvis, yolo, cvat, labelstudio; see docs/outputs.md."
)

Model = Annotated[str, typer.Option(help="A name that `seem-video models` lists, or a file.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]


def split_list(words: Iterable[str]) -> list[str]:
    """The names of an option that takes several, separated by commas or given more than once."""
    return [name.strip() for names in words for name in names.split(",")]
