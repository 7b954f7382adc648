"""Training recipes: yaml files, each of which may go on from what others made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seem_video.errors import SeemVideoError


@dataclass(frozen=True)
class Recipe:
    """The settings of a training yaml, see `configs/train-nano.yaml`.

    Attributes:
        name: of the yaml, without suffix. model: path of the model's yaml. after: the recipes whose weights this one
            begins with, the mean of them if there are several; one that is named twice counts twice.
        prompting: the recipe whose prompting head this one begins with instead, if any.
        shared_head: one head learns to segment what is prompted and to carry it on; weights have it twice.
    """

    name: str
    model: Path
    after: tuple[Recipe, ...]
    prompting: Recipe | None
    shared_head: bool
    seed: int
    steps: int
    batch: int
    frames: int
    size: int
    lr: float
    backbone_lr: float
    weight_decay: float
    warmup: int
    ema: float
    points: int
    data: dict[str, Any]


def load_recipe(path: Path) -> Recipe:
    """Read a training yaml; what it does not say is as in the (last) recipe that it names with `after`.

    Raises:
        SeemVideoError: a setting is missing or unknown, or a recipe before it is not there.
    """
    settings = _settings(path)
    settings["model"] = path.parent / settings.get("model", "")
    settings["after"] = tuple(load_recipe(before) for before in _before(path, settings))
    prompting = settings.get("prompting")
    settings["prompting"] = load_recipe(path.parent / prompting) if prompting else None
    try:
        return Recipe(name=path.stem, **settings)
    except TypeError as error:
        raise SeemVideoError(f"{path}: {error}; compare it with configs/train-nano.yaml.") from error


def _settings(path: Path) -> dict[str, Any]:
    try:
        own = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SeemVideoError(f"The recipe {path} cannot be read: {error}.") from error
    if not isinstance(own, dict):
        raise SeemVideoError(f"{path} is no recipe; compare it with configs/train-nano.yaml.")
    if not (others := _before(path, own)):
        return own
    before = {**_settings(others[-1]), "after": None, "prompting": None}
    return {**before, **own, "data": {**before.get("data", {}), **own.get("data", {})}}


def _before(path: Path, settings: dict[str, Any]) -> list[Path]:
    named = settings.get("after") or []
    return [path.parent / name for name in ([named] if isinstance(named, str) else named)]
