"""What the tracker hands to writers and metrics for each frame; plain NumPy, so that neither side imports the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError


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
        latency_s: seconds from the arrival of the frame to its masks; None for a source that is not live.
    """

    index: int
    time_s: float
    pts: int | None
    image: npt.NDArray[np.uint8]
    object_ids: tuple[int, ...]
    masks: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float32]
    labels: tuple[str, ...]
    latency_s: float | None = None

    def to_supervision(self) -> Any:
        """The visible objects as `supervision.Detections`, for the annotators and zones of that package.

        Returns:
            Detections of n objects with `xyxy` (n, 4) float, right and bottom edges exclusive, `mask` (n, H, W) bool,
            `confidence` (n,), `tracker_id` (n,), the objects' ids, `class_id` (n,), the id of the first object of the
            same name, and `data["class_name"]` (n,), the names.

        Raises:
            SeemVideoError: the package `supervision` is not installed.
        """
        try:
            from supervision import Detections
        except ImportError:
            raise SeemVideoError(
                "Detections need the package 'supervision', which is not installed; run: pip install supervision"
            ) from None
        seen = np.flatnonzero(self.masks.any(axis=(1, 2)))
        masks, ids = self.masks[seen], np.array(self.object_ids, int)
        first_of_name = [self.object_ids[self.labels.index(label)] for label in self.labels]
        return Detections(
            xyxy=np.array([_edges(mask) for mask in masks], np.float32).reshape(-1, 4),
            mask=masks,
            confidence=self.scores[seen],
            class_id=np.array(first_of_name, int)[seen],
            tracker_id=ids[seen],
            data={"class_name": np.array(self.labels, str)[seen]},
        )


def _edges(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom edge of a mask that is not empty."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
