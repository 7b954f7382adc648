"""The pieces of an object's mask: one far from the rest is something else, if the object was not so when prompted."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

FAR = 0.5
"""Distance of a piece from the largest one, in sides of a square as large as that one, beyond which it is a stray."""
SPREAD = 1.5
"""The same, in multiples of the largest distance on the last frame that the object was prompted on."""
MAYBE = -2.2
"""Logit, of a probability of a tenth, above which cells link pieces: an object with an unsure middle is one piece."""


def spread(logits: Tensor) -> float:
    """The largest distance of a piece of a mask, logits (h, w), from its largest piece, in sides of that; 0 of none."""
    return max(_distances(logits)[1].values(), default=0.0)


def drop_strays(logits: Tensor, spreads: Sequence[float], low: float) -> None:
    """Set the logits (K, h, w) of pieces that are far from the largest one to `low`, in place.

    Args: spreads: of each of the objects, when it was prompted last.
    """
    for own, known in zip(logits, spreads, strict=True):
        pieces, distances = _distances(own)
        strays = [piece for piece, distance in distances.items() if distance > max(FAR, SPREAD * known)]
        if strays:
            own[torch.from_numpy(np.isin(pieces, strays)).to(own.device)] = low


def _distances(logits: Tensor) -> tuple[npt.NDArray[np.int32], dict[int, float]]:
    """The number of each cell's piece, 0 outside of the mask, and how far each piece is from the largest."""
    values = logits.cpu().numpy()
    linked = cv2.connectedComponents((values > MAYBE).astype(np.uint8))[1]
    pieces = np.where(values > 0, linked, 0).astype(np.int32)
    numbers, areas = np.unique(pieces[pieces > 0], return_counts=True)
    if len(numbers) < 2:
        return pieces, dict.fromkeys(numbers.tolist(), 0.0)
    away = cv2.distanceTransform(
        (pieces != numbers[areas.argmax()]).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    side = float(areas.max()) ** 0.5
    return pieces, {piece: float(away[pieces == piece].min()) / side for piece in numbers.tolist()}
