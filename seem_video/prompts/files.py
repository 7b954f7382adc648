"""Prompts that are files: masks, and other images with a region drawn on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from seem_video.errors import SeemVideoError
from seem_video.io.reader import open_reader
from seem_video.prompts.shapes import MaskPrompt, Reference, VisualPrompt

_BINARY = 255  # the value that marks the object in a mask of 0 and 255, and pixels to ignore in an indexed one
_MOST_IDS = 64  # a mask with more ids is a photograph or a mask with soft edges


def read_reference(path: str | Path, region: Sequence[VisualPrompt]) -> Reference:
    """The prompt of an image file, or a video's first frame, and what is drawn on the object there.

    Raises:
        SeemVideoError: it cannot be read, or nothing is drawn on it.
    """
    with open_reader(path) as reader:
        return Reference(next(iter(reader)).image, region, name=f"reference image '{path}'")


def read_mask(path: Path, object_id: int | None = None) -> list[tuple[int, MaskPrompt]]:
    """The masks of an image file: one object for 0 and 255 (or one other value), else one object an id, 255 ignored.

    Args:
        path: a palette or gray image; a colour image is taken where its channels are equal.
        object_id: the object of a mask that holds one; None for 1 (a mask of 0 and 255) or the value itself.

    Returns:
        (object id, mask) pairs, ascending.

    Raises:
        SeemVideoError: a file that is missing, no image, in colour, empty, with too many values, or with several
            objects where `object_id` asks for one.
    """
    values = _read_ids(path)
    ids = [int(value) for value in np.unique(values) if value != 0]
    if not ids:
        raise SeemVideoError(f"The mask '{path}' is empty; give one that marks at least one pixel of the object.")
    if len(ids) == 1:
        own = 1 if ids[0] == _BINARY else ids[0]
        return [(own if object_id is None else object_id, MaskPrompt(values != 0))]
    if len(ids) > _MOST_IDS:
        raise SeemVideoError(f"The mask '{path}' has {len(ids)} values; save it with 0 and 255, or one id an object.")
    ids = [value for value in ids if value != _BINARY]
    if object_id is not None and len(ids) > 1:
        raise SeemVideoError(
            f"The mask '{path}' holds {len(ids)} objects, but it was given for object {object_id}; "
            "leave the object's number out, and each id becomes its own object."
        )
    return [(value if object_id is None else object_id, MaskPrompt(values == value)) for value in ids]


def _read_ids(path: Path) -> npt.NDArray[np.integer[Any]]:
    try:
        with Image.open(path) as image:
            values = np.asarray(image.convert("L") if image.mode == "1" else image)
    except UnidentifiedImageError as error:
        raise SeemVideoError(f"The mask '{path}' is no image; give a PNG of 0 and 255, or one id an object.") from error
    except Exception as error:  # Pillow raises whatever a damaged file makes its plugins trip over
        why = getattr(error, "strerror", None) or error
        raise SeemVideoError(f"The mask '{path}' cannot be read ({why}); check it.") from error
    if not np.issubdtype(values.dtype, np.integer):
        raise SeemVideoError(f"The mask '{path}' holds fractions; give a PNG of 0 and 255, or one id an object.")
    if values.ndim == 3:
        colours = values[..., : 1 if values.shape[2] == 2 else 3]
        if (colours != colours[..., :1]).any():
            raise SeemVideoError(f"The mask '{path}' is in colour; give a PNG of 0 and 255, or one id an object.")
        values = colours[..., 0]
    return values
