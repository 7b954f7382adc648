"""Typed model configuration, read from `configs/*.yaml`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml

from seem_video.errors import SeemVideoError

T = TypeVar("T")


@dataclass(frozen=True)
class ImageConfig:
    short_side: int
    mean: list[float]
    std: list[float]


@dataclass(frozen=True)
class BackboneConfig:
    name: str


@dataclass(frozen=True)
class PixelDecoderConfig:
    dim: int
    mask_dim: int
    layers: int
    heads: int
    ffn_dim: int


@dataclass(frozen=True)
class DecoderConfig:
    layers: int
    heads: int
    ffn_dim: int
    queries: int
    memories: int
    attends: dict[str, list[str]]


@dataclass(frozen=True)
class SamplerConfig:
    points: int


@dataclass(frozen=True)
class MemoryConfig:
    key_dim: int
    value_dim: int
    every: int
    recent: int
    prompted: int


@dataclass(frozen=True)
class ModelConfig:
    """Everything that decides a model's shape; a checkpoint carries the yaml it was trained with."""

    name: str
    image: ImageConfig
    backbone: BackboneConfig
    pixel_decoder: PixelDecoderConfig
    decoder: DecoderConfig
    sampler: SamplerConfig
    memory: MemoryConfig


def parse_config(text: str, *, origin: str) -> ModelConfig:
    """Parse yaml text into a `ModelConfig`.

    Args:
        text: the yaml document.
        origin: where it came from, for error messages.

    Raises:
        SeemVideoError: a key is missing, unknown, or the document is no mapping.
    """
    return _build(ModelConfig, yaml.safe_load(text), origin)


def load_config(path: Path) -> ModelConfig:
    """Read one of `configs/*.yaml`; raises `SeemVideoError` like `parse_config`."""
    return parse_config(path.read_text(encoding="utf-8"), origin=str(path))


def dump_config(config: ModelConfig) -> str:
    """The yaml text that `parse_config` reads back to an equal `ModelConfig`."""
    return yaml.safe_dump(dataclasses.asdict(config), sort_keys=False)


def _build(cls: type[T], values: Any, where: str) -> T:
    if not isinstance(values, dict):
        raise SeemVideoError(f"{where}: expected a mapping of settings, found {type(values).__name__}.")
    types = get_type_hints(cls)
    missing, unknown = sorted(types.keys() - values.keys()), sorted(values.keys() - types.keys())
    if missing or unknown:
        problem = f"missing {', '.join(missing)}" if missing else f"unknown {', '.join(map(str, unknown))}"
        raise SeemVideoError(f"{where}: {problem}; the settings there are {', '.join(types)}.")
    return cls(
        **{
            key: _build(kind, values[key], f"{where}: {key}")
            if isinstance(kind, type) and dataclasses.is_dataclass(kind)
            else values[key]
            for key, kind in types.items()
        }
    )
