"""The training loop: one CPU, one GPU, or several processes through torchrun; checkpoints resume exactly."""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Subset

from seem_video.errors import SeemVideoError
from seem_video.model.checkpoints import load_backbone, read_weights, save_weights
from seem_video.model.config import load_config
from seem_video.model.seem import SEEM
from seem_video.training.clip import ClipLosses, ClipTrainer
from seem_video.training.data import ClipBatch, ClipMaker, collate
from seem_video.training.recipe import Recipe, load_recipe
from seem_video.training.sources import read_stills, read_videos

LOG_EVERY = 20
CHECKPOINT_EVERY_S = 240


def make_dataset(recipe: Recipe, data: Path, length: int) -> ClipMaker:
    """The clips of a recipe, read from the folder `data`."""
    sources = recipe.data
    videos = []
    if "videos" in sources:
        videos = read_videos(data / sources["videos"], leave_out=sources.get("held_out", ()))
    stills, weights = [], []
    for folder, weight in sources.get("stills", {}).items():
        found = read_stills(data / folder)
        stills += found
        weights += [weight] * len(found)
    if not videos and not stills:
        raise SeemVideoError(
            "The recipe names no training data: give 'videos', 'stills' or both in its 'data' section."
        )
    return ClipMaker(
        videos, stills, weights, sources["share"],
        frames=recipe.frames, size=recipe.size, seed=recipe.seed, length=length,
    )  # fmt: skip


def train(
    recipe_path: Path,
    data: Path,
    out: Path,
    *,
    workers: int,
    backbone_weights: Path | None = None,
    initial: Path | None = None,
) -> Path:
    """Train to the recipe's last step, or on from the newest checkpoint in `out`.

    A recipe that goes on `after` others has these done first, each in a folder of its name in `out`.

    Args:
        recipe_path: a training yaml. data: the folder its paths are relative to. out: checkpoint, log and weights.
        workers: processes that make clips.
        backbone_weights: ImageNet weights of the backbone to start from.
        initial: a whole model to start from instead of all that, as `train` wrote it.

    Returns:
        the path of the averaged weights, fp16 safetensors.
    """
    recipe = load_recipe(recipe_path)
    stages = [recipe] if initial else _stages(recipe)
    for stage in stages:
        model = SEEM(load_config(stage.model))
        if initial:
            model.load_state_dict(read_weights(initial).state_dict())
        elif stage.after:
            model.load_state_dict(_made_before(stage, lambda before: _weights(_folder(out, before, recipe))))
        elif backbone_weights is not None:
            load_backbone(model, backbone_weights)
        if stage.shared_head:
            model.share_head()
        _train_stage(stage, model, data, _folder(out, stage, recipe), workers)
    return _weights(out)


def _stages(recipe: Recipe) -> list[Recipe]:
    """The recipes that lead to this one, each after those that it goes on from, and itself."""
    found: dict[str, Recipe] = {}
    for before in filter(None, (*recipe.after, recipe.prompting)):
        found |= {stage.name: stage for stage in _stages(before)}
    return [*found.values(), recipe]


def _made_before(stage: Recipe, weights_of: Callable[[Recipe], Path]) -> dict[str, Tensor]:
    """What a recipe begins with: the mean of the weights it goes on from, and the prompting head it takes."""
    state = _mean([read_weights(weights_of(before)).state_dict() for before in stage.after])
    if stage.prompting:
        other = read_weights(weights_of(stage.prompting)).state_dict()
        state |= {name: value for name, value in other.items() if name.startswith("prompting.")}
    return state


def _folder(out: Path, stage: Recipe, last: Recipe) -> Path:
    return out if stage.name == last.name else out / stage.name


def _weights(folder: Path) -> Path:
    return folder / "weights.safetensors"


def _mean(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Parameter by parameter; what is no floating-point number is as in the last."""
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[-1].items()
    }


def _train_stage(recipe: Recipe, model: SEEM, data: Path, out: Path, workers: int) -> None:
    """Train a model by one recipe; writes checkpoint, log and weights into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    rank, world, device = _start_processes()
    model = model.to(device).to(memory_format=torch.channels_last)
    model.backbone.requires_grad_(recipe.backbone_lr > 0)
    trainer = ClipTrainer(model, recipe.points).train()
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema))
    optimizer = _optimizer(model, recipe)
    step = _resume(out / "checkpoint.pt", model, average, optimizer)
    runner: nn.Module = trainer
    if world > 1:
        runner = DistributedDataParallel(trainer, find_unused_parameters=True)

    loader = _loader(recipe, data, step, rank, world, workers)
    log, saved = _Log(out / "log.csv"), time.monotonic()
    for batch in loader:
        for group in optimizer.param_groups:
            group["lr"] = group["base_lr"] * _schedule(step, recipe)
        losses = _step(runner, batch, device, seed=(recipe.seed, step, rank))
        optimizer.zero_grad(set_to_none=True)
        losses.total.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        average.update_parameters(model)
        step += 1
        if rank == 0:
            log.add(step, losses, float(norm))
            if time.monotonic() - saved > CHECKPOINT_EVERY_S or step == recipe.steps:
                _save(out / "checkpoint.pt", step, model, average, optimizer)
                saved = time.monotonic()
    if rank == 0:
        save_weights(cast(SEEM, average.module), _weights(out))
    if world > 1:
        dist.barrier()  # the recipe after this one reads them in every process


def _start_processes() -> tuple[int, int, torch.device]:
    world = int(os.environ.get("WORLD_SIZE", "1"))
    rank, local = int(os.environ.get("RANK", "0")), int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if world > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return rank, world, device


def _optimizer(model: SEEM, recipe: Recipe) -> torch.optim.Optimizer:
    slow = list(model.backbone.parameters())
    slow_ids = {id(p) for p in slow}
    fast = [p for p in model.parameters() if id(p) not in slow_ids]
    groups = [
        {"params": fast, "lr": recipe.lr, "base_lr": recipe.lr},
        {"params": slow, "lr": recipe.backbone_lr, "base_lr": recipe.backbone_lr},
    ]
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)


def _schedule(step: int, recipe: Recipe) -> float:
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(recipe.steps - recipe.warmup, 1)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def _loader(recipe: Recipe, data: Path, step: int, rank: int, world: int, workers: int) -> DataLoader[ClipBatch]:
    """Batches from `step` on; each process takes its own clips of every step."""
    per_step = recipe.batch * world
    clips = make_dataset(recipe, data, recipe.steps * per_step)
    mine = [s * per_step + rank * recipe.batch + i for s in range(step, recipe.steps) for i in range(recipe.batch)]
    return DataLoader(
        Subset(cast(Any, clips), mine),
        batch_size=recipe.batch,
        collate_fn=collate,
        num_workers=workers,
        worker_init_fn=_quiet_worker,
        prefetch_factor=4 if workers else None,
    )


def _quiet_worker(_: int) -> None:
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _step(runner: nn.Module, batch: ClipBatch, device: torch.device, seed: tuple[int, int, int]) -> ClipLosses:
    """One forward pass whose random draws depend on `seed` alone, so that a resumed run repeats them."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(int(rng.integers(2**31)))
    moved = ClipBatch(batch.images.to(device), batch.masks.to(device), batch.owner.to(device))
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=device.type == "cuda"):
        return runner(moved, rng)


def _resume(path: Path, model: nn.Module, average: AveragedModel, optimizer: torch.optim.Optimizer) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def _save(path: Path, step: int, model: nn.Module, average: AveragedModel, optimizer: torch.optim.Optimizer) -> None:
    state = {
        "step": step,
        "model": model.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    temporary.replace(path)


class _Log:
    """Means over `LOG_EVERY` steps, one CSV row each."""

    COLUMNS = ("step", "loss", "iou_prompted", "iou_corrected", "iou_propagated", "grad_norm", "seconds_per_step")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[tuple[float, ...]] = []
        self.since = time.monotonic()
        if not path.exists():
            path.write_text(",".join(self.COLUMNS) + "\n", encoding="utf-8")

    def add(self, step: int, losses: ClipLosses, norm: float) -> None:
        parts = (losses.total, losses.prompted, losses.corrected, losses.propagated)
        self.rows.append((*(float(part.detach()) for part in parts), norm))
        if step % LOG_EVERY == 0:
            means = [sum(column) / len(self.rows) for column in zip(*self.rows, strict=True)]
            seconds = (time.monotonic() - self.since) / len(self.rows)
            with self.path.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow([step, *(f"{v:.4f}" for v in (*means, seconds))])
            self.rows, self.since = [], time.monotonic()
