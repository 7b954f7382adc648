"""What the tracker hands to writers and metrics for each frame; plain NumPy, so that neither side imports the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class FrameResult:
    """The masks of one frame.

    Attributes:
        index: frame number in the source, from 0.
        time_s: presentation time in seconds.
        pts: presentation timestamp in the source's time base; None where the source has none.
        image: the frame as displayed, (H, W, 3) uint8 RGB.
        object_ids: K object ids, ascending.
        masks: (K, H, W) bool, without overlap: a pixel belongs to at most one object.
        scores: (K,) float32 in 0..1, the predicted IoU of each mask; 0 where the object is not visible.
        labels: K names; the object's id as text unless the user named it.
    """

    index: int
    time_s: float
    pts: int | None
    image: npt.NDArray[np.uint8]
    object_ids: tuple[int, ...]
    masks: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float32]
    labels: tuple[str, ...]
