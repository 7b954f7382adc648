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


def spread(mask: Tensor) -> float:
    """The largest distance of a piece of a (h, w) bool mask from its largest piece, in sides of that; 0 without any."""
    return max(_distances(mask)[1], default=0.0)


def drop_strays(logits: Tensor, spreads: Sequence[float], low: float) -> None:
    """Set the logits (K, h, w) of pieces that are far from the largest one to `low`, in place.

    Args: spreads: of each of the objects, when it was prompted last.
    """
    for own, known in zip(logits, spreads, strict=True):
        pieces, distances = _distances(own > 0)
        strays = [i for i, distance in enumerate(distances, start=1) if distance > max(FAR, SPREAD * known)]
        if strays:
            own[torch.from_numpy(np.isin(pieces, strays)).to(own.device)] = low


def _distances(mask: Tensor) -> tuple[npt.NDArray[np.int32], list[float]]:
    """The pieces of a (h, w) bool mask, numbered from 1, and how far each is from the largest."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.cpu().numpy().astype(np.uint8))
    pieces = np.asarray(labels, np.int32)
    if count <= 2:
        return pieces, [0.0] * (count - 1)
    areas = stats[1:, cv2.CC_STAT_AREA]
    away = cv2.distanceTransform((pieces != 1 + areas.argmax()).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    nearest = [float(away[pieces == i].min()) for i in range(1, count)]
    return pieces, [distance / float(areas.max()) ** 0.5 for distance in nearest]
