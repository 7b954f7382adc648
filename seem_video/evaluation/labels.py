"""Label maps: PNG files whose pixel values are object ids, as DAVIS stores annotations and results."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from seem_video.errors import SeemVideoError
from seem_video.io.pngs import RUNS, indexed

Labels: TypeAlias = npt.NDArray[np.unsignedinteger]

VOID = 255

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_INDEXED_8_BIT = b"\x08\x03\x00\x00\x00"  # bit depth, colour type, compression, filter method, no interlace


def read_labels(path: Path) -> Labels:
    """The ids of a PNG as stored: palette index, 8- or 16-bit gray value, or 0/1 of a 1-bit image.

    Returns (H, W) uint8 or uint16. Raises SeemVideoError for a missing or unreadable file and for one that stores
    colours instead of ids.
    """
    where = f"Sequence {path.parent.name}, frame {path.stem}"
    try:
        data = path.read_bytes()
        if (indices := _plain_indices(data)) is not None:
            return indices
        with Image.open(io.BytesIO(data)) as image:
            mode, pixels = image.mode, np.asarray(image)
    except FileNotFoundError:
        raise SeemVideoError(f"{where}: there is no {path}; every annotated frame needs its PNG.") from None
    except (OSError, SyntaxError):  # how Pillow reports what is no image, and a truncated one
        raise SeemVideoError(f"{where}: {path} is not a readable PNG; write it again.") from None
    if pixels.ndim != 2:
        raise SeemVideoError(f"{where}: {path} holds {mode} colours, not object ids; save an indexed or gray PNG.")
    return pixels.astype(np.uint16 if mode.startswith("I") else np.uint8, copy=False)


def write_labels(path: Path, labels: npt.NDArray[np.uint8]) -> None:
    """Writes (H, W) uint8 ids as an indexed PNG in the DAVIS palette."""
    indexed(labels).save(path, "PNG", compress_type=RUNS)


def _plain_indices(data: bytes) -> npt.NDArray[np.uint8] | None:
    """The pixels of an 8-bit indexed PNG with unfiltered rows; None for every other file, sound or not.

    Nearly all annotations and results are of this form, and reading is most of the work of scoring: inflating them in
    one go, without copies, takes two thirds of Pillow's time and lets other threads run.
    """
    if data[:8] != _SIGNATURE or data[24:29] != _INDEXED_8_BIT:
        return None
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    parts, position = [], 8
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] == b"IDAT":
            parts.append(data[position + 8 : position + 8 + length])
        position += length + 12
    try:
        stored = np.frombuffer(zlib.decompress(b"".join(parts), bufsize=height * (width + 1)), np.uint8)
    except zlib.error:
        return None
    if stored.size != height * (width + 1):
        return None
    rows = stored.reshape(height, width + 1)
    return None if rows[:, 0].any() else rows[:, 1:]
