"""Label maps: PNG files whose pixel values are object ids, as DAVIS stores annotations and results."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from seem_video.errors import SeemVideoError
from seem_video.io.palette import PALETTE

Labels: TypeAlias = npt.NDArray[np.unsignedinteger]

VOID = 255


def read_labels(path: Path) -> Labels:
    """The ids of a PNG as stored: palette index, 8- or 16-bit gray value, or 0/1 of a 1-bit image.

    Returns (H, W) uint8 or uint16. Raises SeemVideoError for a missing or unreadable file and for one that stores
    colours instead of ids.
    """
    where = f"Sequence {path.parent.name}, frame {path.stem}"
    try:
        with Image.open(path) as image:
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
    image = Image.fromarray(labels)
    image.putpalette(PALETTE.tobytes())
    image.save(path, "PNG", compress_level=3)
