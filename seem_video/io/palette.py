"""The colours of objects: one palette for the overlay and the indexed PNGs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Color = tuple[int, int, int]


def davis_palette() -> npt.NDArray[np.uint8]:
    """The palette of the DAVIS and PASCAL VOC annotations.

    Bits `3k`, `3k + 1` and `3k + 2` of an index are bit `7 - k` of its red, green and blue (`VOClabelcolormap` of the
    PASCAL VOC development kit); index 0, the background, is black.

    Returns:
        (256, 3) uint8 RGB.
    """
    index = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for channel in range(3):
        for bit in range(8):
            palette[:, channel] |= ((index >> (3 * bit + channel) & 1) << (7 - bit)).astype(np.uint8)
    return palette


PALETTE = davis_palette()


def object_color(object_id: int, chosen: Mapping[int, Color] | None = None) -> Color:
    """The colour of an object, RGB: the one chosen for its id, else the palette's.

    From object 256 on the palette's come again, without the background's black.
    """
    if chosen and object_id in chosen:
        return chosen[object_id]
    red, green, blue = PALETTE[(object_id - 1) % 255 + 1].tolist()
    return red, green, blue
