"""How well a model follows the objects of a recipe's held-out sequences, forwards and backwards.

    python tools/evaluate_held_out.py configs/train-nano-final.yaml --data DATA [--init mask] [--model FILE] [--every 3]

These sequences choose between models and settings (docs/training.md), so that DAVIS need not. The first frame with the
object is prompted; J and F leave it and the last frame out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.table import Table

from seem_video import load_model, open_session
from seem_video.errors import SeemVideoError
from seem_video.evaluation.metrics import boundary_accuracy, region_similarity
from seem_video.evaluation.prompts import MaskInit, prompt_from_mask
from seem_video.model.seem import SEEM
from seem_video.terminal import run
from seem_video.training.recipe import load_recipe
from seem_video.training.sources import read_videos

Shown = list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]]


def follow(model: SEEM, frames: Shown, init: MaskInit) -> tuple[float, float]:
    """Mean J and F of an object of which frames and masks are given, from the first frame that shows it."""
    begin = next(i for i, (_, truth) in enumerate(frames) if truth.any())
    images, truths = zip(*frames[begin:], strict=True)
    with open_session(images, model) as session:
        session.add(prompt_from_mask(truths[0], init))
        masks = [result.masks[0] for result in session.propagate()]
    pairs = list(zip(truths, masks, strict=True))[1:-1]
    return (
        float(np.mean([region_similarity(*pair) for pair in pairs])),
        float(np.mean([boundary_accuracy(*pair) for pair in pairs])),
    )


def main(
    recipe: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Whose held-out sequences are tracked.")],
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="As for tools/train.py.")],
    init: Annotated[MaskInit, typer.Option(help="What they begin with.")] = "mask",
    model: Annotated[str, typer.Option(help="A model's name or file.")] = "seem-nano",
    every: Annotated[int, typer.Option(min=1, help="Of so many frames one is remembered.")] = 3,
) -> None:
    """Print J and F of each held-out sequence, both ways, and their means."""
    sources = load_recipe(recipe).data
    loaded = load_model(model, device="cpu")
    if not isinstance(loaded, SEEM):
        raise SeemVideoError(f"{model} is no model that recipes train; give seem-nano, or a file of such weights.")
    loaded.config = replace(loaded.config, memory=replace(loaded.config.memory, every=every))
    table = Table("sequence", *(f"{measure} {way}" for way in ("forwards", "backwards") for measure in "JF"))
    rows = []
    for video in read_videos(data / sources["videos"]):
        if video.name in sources.get("held_out", ()):
            frames = [(image, ids > 0) for image, ids in map(video.read, range(len(video.images)))]
            rows.append([*follow(loaded, frames, init), *follow(loaded, frames[::-1], init)])
            table.add_row(video.name, *(f"{value:.3f}" for value in rows[-1]))
    if not rows:
        raise SeemVideoError(f"{recipe} holds no sequence out: its 'data' has no 'held_out', or none of them is there.")
    mean = np.mean(rows, axis=0)
    table.add_row("mean", *(f"{value:.3f}" for value in mean))
    console = Console()
    console.print(table)
    console.print(f"J {mean[[0, 2]].mean():.4f}, F {mean[[1, 3]].mean():.4f}")


if __name__ == "__main__":
    run(main)
