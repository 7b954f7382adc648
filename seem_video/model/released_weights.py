"""The published checkpoints: by name from the hub, converted once to safetensors, or as a file on disk."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import hf_hub_download
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm.auto import tqdm

from seem_video.errors import SeemVideoError
from seem_video.model.architecture import build_filled
from seem_video.model.query_decoder import INTERFACES
from seem_video.model.released import ReleasedSEEM

OnBytes = Callable[[int, int | None], None]
HUB = "xdecoder/SEEM"
LICENCE = "as published by SEEM's authors (their code: Apache-2.0)"


@dataclass(frozen=True)
class Released:
    """A published checkpoint: its file in the hub repository, its interface, how many parameters it has."""

    file: str
    backbone: str
    interface: str
    parameters: int


def _both(backbone: str, short: str, parameters: int, *interfaces: str) -> dict[str, Released]:
    return {
        f"seem-{short}-{interface}": Released(f"seem_{short}_{interface}.pt", backbone, interface, parameters)
        for interface in interfaces
    }


RELEASED: dict[str, Released] = {
    **_both("Focal-T", "focalt", 164_619_249, "v0", "v1"),
    **_both("Focal-L", "focall", 341_181_177, "v0", "v1"),
    **_both("SAM ViT-B", "samvitb", 215_563_649, "v1"),
    **_both("SAM ViT-L", "samvitl", 440_538_689, "v1"),
}


def cache_folder() -> Path:
    """Where converted checkpoints are: $SEEM_VIDEO_CACHE, or `seem-video` in the user's cache folder."""
    if own := os.environ.get("SEEM_VIDEO_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seem-video"


def converted_path(name: str) -> Path:
    """The safetensors file of a published checkpoint, there or not."""
    return cache_folder() / f"{name}.safetensors"


def fetch(name: str, on_bytes: OnBytes | None = None) -> Path:
    """Make sure that a published checkpoint is on this machine, and return its safetensors file.

    What `cache_folder()` holds under the published file name is taken before the network is tried.

    Args:
        name: of `RELEASED`. on_bytes: called while it is fetched, with the bytes that are here and how many there are.

    Raises:
        SeemVideoError: it can neither be found nor fetched, or what was found is another file.
    """
    target = converted_path(name)
    if not target.exists():
        placed = cache_folder() / RELEASED[name].file
        source = placed if placed.exists() else _download(name, on_bytes)
        _convert(name, source, target)
    return target


def need_released(model: nn.Module, what: str) -> ReleasedSEEM:
    """The same model, if it is a released one; raises `SeemVideoError` that says which models can do `what`."""
    if not isinstance(model, ReleasedSEEM):
        raise SeemVideoError(f"A compact model such as seem-nano cannot {what}; these can: {', '.join(RELEASED)}.")
    return model


def load_published(path: Path) -> ReleasedSEEM:
    """The model of a published `.pt` file; "v1" in its name chooses that interface, any other name v0.

    Raises:
        SeemVideoError: it cannot be read, holds code, or holds other tensors than a SEEM's.
    """
    return assemble(read_published(path), "v1" if "v1" in path.stem else "v0", path)


def assemble(tensors: Mapping[str, Tensor], interface: str, origin: Path) -> ReleasedSEEM:
    """The model of published tensors; raises `SeemVideoError` that names the first of those that do not fit."""
    try:
        return build_filled(tensors, INTERFACES[interface])
    except ValueError as error:
        raise SeemVideoError(f"{origin} is not a SEEM checkpoint: {error}.") from error


def read_published(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.pt` file, which is read without running any code in it; raises `SeemVideoError`."""
    if not path.is_file():
        raise SeemVideoError(
            f"Model file {path} does not exist; check the path or use a name from `seem-video models`."
        )
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise SeemVideoError(
            f"{path} was refused: it is no plain checkpoint of tensors but would run code, or is damaged; "
            "fetch it again from a source you trust."
        ) from error
    except (RuntimeError, EOFError, KeyError, ValueError, OSError) as error:
        raise SeemVideoError(
            f"{path} is no checkpoint that PyTorch can read; it may be cut short, fetch it again."
        ) from error
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise SeemVideoError(f"{path} is not a SEEM checkpoint: it holds something other than named tensors.")
    return tensors


def _download(name: str, on_bytes: OnBytes | None) -> Path:
    file = RELEASED[name].file
    try:
        return Path(hf_hub_download(HUB, file, tqdm_class=_bar(on_bytes) if on_bytes else None))
    except Exception as error:  # the client lets through errors of its transport, which differ from version to version
        raise SeemVideoError(
            f"{name} is not on this machine and could not be fetched ({type(error).__name__}); get "
            f"https://huggingface.co/{HUB}/resolve/main/{file} where there is a network and put it at "
            f"{cache_folder() / file}."
        ) from error


def _bar(on_bytes: OnBytes) -> type[tqdm]:
    """A progress bar as the hub's client takes them, that tells how far it is."""

    class Bar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._here = int(options.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            self._here += int(n or 0)
            on_bytes(self._here, None if self.total is None else int(self.total))
            return super().update(n)

    return Bar


def _convert(name: str, source: Path, target: Path) -> None:
    """Check a published file and write it as safetensors with its sha256; appears under its name only when whole."""
    tensors = read_published(source)
    model = assemble(tensors, RELEASED[name].interface, source)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if parameters != RELEASED[name].parameters:
        raise SeemVideoError(
            f"{source} is not {name}: it has {parameters:,} parameters, not {RELEASED[name].parameters:,}."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(".part")
    metadata = {"interface": RELEASED[name].interface, "source": source.name, "sha256": _sha256(source)}
    save_file({key: value.contiguous() for key, value in tensors.items()}, temporary, metadata=metadata)
    temporary.chmod(0o644)  # safetensors makes files that only their owner can read
    temporary.replace(target)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
