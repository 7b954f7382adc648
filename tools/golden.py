"""Golden files of the released models: a manifest of tensors, a filler for them, an archive of inputs and outputs."""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError

TABLES = {
    "token_embedding", "query_feat", "query_embed", "level_embed", "pn_indicator", "spatial_embed", "spatial_featured",
}  # fmt: skip
APPLIED_FROM_THE_RIGHT = {"class_embed", "lang_proj", "mask_sptial_embed"}
TRANSPOSED = ("neck.down_4.0.weight", "neck.down_4.3.weight", "neck.down_8.0.weight")
TABLE_SCALES = {"rel_pos_h": 0.05, "rel_pos_w": 0.05, "pos_embed": 0.3, "positional_embedding": 0.2}


def fill_tensor(key: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """The synthetic value of a tensor: depends on its name and shape alone, scaled so that activations stay O(1)."""
    leaf, last_two = key.rpartition(".")[2], set(key.split(".")[-2:])
    if key == "dilation_kernel":
        return np.ones(shape, np.float32)
    if key == "criterion.empty_weight":
        return np.append(np.ones(shape[0] - 1), 0.1).astype(np.float32)
    if leaf == "logit_scale":
        return np.full(shape, 2.6, np.float32)
    noise = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(shape)
    if len(shape) <= 1:
        return _fill_vector(key, leaf, noise).astype(np.float32)
    if leaf in TABLE_SCALES:
        scale = TABLE_SCALES[leaf]
    elif last_two & TABLES:
        scale = 0.5
    elif ".conv1.fn.dw." in key or ".conv2.fn.dw." in key:
        scale = 0.05
    else:
        first_axis = key.endswith(TRANSPOSED) or last_two & APPLIED_FROM_THE_RIGHT
        scale = 1 / np.sqrt(shape[0] if first_axis else math.prod(shape[1:]))
        if key.endswith("sampling_offsets.weight"):
            scale *= 0.5
    return (scale * noise).astype(np.float32)


def _fill_vector(key: str, leaf: str, noise: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if leaf.startswith("gamma_"):
        return 0.5 + 0.1 * noise
    if key.endswith("sampling_offsets.bias"):
        return 1.5 * noise
    return 1 + 0.1 * noise if leaf == "weight" else 0.05 * noise


@dataclass(frozen=True)
class Manifest:
    """Names and shapes of a checkpoint's tensors, and the checksum of their synthetic values."""

    shapes: dict[str, tuple[int, ...]]
    checksum: int

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a `.manifest.json`; raises `SeemVideoError` where it is none."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            shapes = {entry["key"]: tuple(entry["shape"]) for entry in document["entries"]}
            return cls(shapes, int(document["fill_checksum_crc32xor"], 16))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SeemVideoError(f"{path} is no manifest of a checkpoint's tensors ({error}).") from error

    def fill(self) -> dict[str, npt.NDArray[np.float32]]:
        """Synthetic tensors; raises `SeemVideoError` if they are not those that the golden outputs were made with."""
        tensors = {key: fill_tensor(key, shape) for key, shape in self.shapes.items()}
        if (found := checksum(tensors)) != self.checksum:
            raise SeemVideoError(
                f"The filled tensors have checksum {found:08x}, and the manifest says {self.checksum:08x}."
            )
        return tensors


def checksum(tensors: Mapping[str, npt.NDArray[np.float32]]) -> int:
    """Checksum of named tensors in any order: crc32 of name and little-endian bytes, combined by exclusive or."""
    total = 0
    for key, value in tensors.items():
        total ^= zlib.crc32(np.ascontiguousarray(value, dtype="<f4").data, zlib.crc32(key.encode()))
    return total


class Golden:
    """The inputs and expected outputs of one archive."""

    def __init__(self, path: Path) -> None:
        """Open an `.npz`; raises `SeemVideoError` where it is none of golden outputs."""
        try:
            self._arrays: Mapping[str, npt.NDArray[Any]] = np.load(path, allow_pickle=False)
            self.meta: dict[str, Any] = json.loads(str(self._arrays["meta"]))
        except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
            raise SeemVideoError(f"{path} is no archive of golden outputs ({error}).") from error

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._arrays[name]

    def names(self, prefix: str) -> list[str]:
        """Arrays below a prefix, without it."""
        return [name.removeprefix(prefix) for name in self._arrays if name.startswith(prefix)]

    def pair(self, name: str, computed: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """A computed output, thinned out as the stored one of this name is, and the stored one."""
        return computed[tuple(slice(None, None, step) for step in self.meta["strides"].get(name, ()))], self[name]

    def image(self, number: int) -> npt.NDArray[np.uint8]:
        """(H, W, 3) RGB input image 1 or 2."""
        if f"in/img{number}" in self:
            return self[f"in/img{number}"]
        return self[f"in/img{number}_small"].repeat(8, axis=0).repeat(8, axis=1)

    def points(self, name: str | None, items: int, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
        """(items, H, W) bool prompt masks at the padded size; nothing is set in those without a name."""
        regions = np.zeros((items, *size), bool)
        if name is not None:
            regions[tuple(self[f"in/pts/{name}"].T)] = True
        return regions

    def blocked(self, name: str) -> npt.NDArray[np.bool_] | None:
        """Where attention is blocked: (batch, rows, h, w) of each step, one after another; None if not stored.

        The last bits may be padding.
        """
        return np.unpackbits(self[name]).astype(bool) if name in self else None
