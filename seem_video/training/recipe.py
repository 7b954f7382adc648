"""Training recipes: yaml files, each of which may go on from what another one made."""

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
        model: path of the model's yaml. after: path of the recipe whose weights this one begins with, or None.
    """

    model: Path
    after: Path | None
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
    """Read a training yaml; what it does not say is as in the recipe that it names with `after`.

    Raises:
        SeemVideoError: a setting is missing or unknown, or the recipe before it is not there.
    """
    settings = _settings(path)
    settings["model"] = path.parent / settings.get("model", "")
    settings["after"] = path.parent / settings["after"] if settings.get("after") else None
    try:
        return Recipe(**settings)
    except TypeError as error:
        raise SeemVideoError(f"{path}: {error}; compare it with configs/train-nano.yaml.") from error


def _settings(path: Path) -> dict[str, Any]:
    try:
        own = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SeemVideoError(f"The recipe {path} cannot be read: {error}.") from error
    if not isinstance(own, dict):
        raise SeemVideoError(f"{path} is no recipe; compare it with configs/train-nano.yaml.")
    if "after" not in own:
        return own
    before = _settings(path.parent / own["after"])
    return {**before, **own, "data": {**before.get("data", {}), **own.get("data", {})}}
