"""Fingerprints: what tells one source, model or data set from another, whatever its name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_END = 1 << 20


def digest(items: Iterable[tuple[str, bytes | Path]]) -> str:
    """The SHA-256 of names and contents, in their order; the content of a path is its file's."""
    found = hashlib.sha256()
    for name, item in items:
        content = item.read_bytes() if isinstance(item, Path) else item
        found.update(f"{name}\0{len(content)}\0".encode())
        found.update(content)
    return found.hexdigest()


def fingerprint_model(model: torch.nn.Module) -> str:
    """The SHA-256 of a model's parameters and buffers, names and values."""
    import torch

    state = model.state_dict()
    return digest(
        (name, state[name].detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()) for name in state
    )


def fingerprint_source(path: Path) -> str:
    """The SHA-256 of a video file's size, first and last megabyte, or of the names and sizes of a folder's files."""
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.is_file())
        return digest((each.name, str(each.stat().st_size).encode()) for each in files)
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(_END)
        file.seek(max(size - _END, 0))
        return digest([(str(size), first), ("end", file.read())])
