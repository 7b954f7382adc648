"""What makes an object hard to follow, read off its annotations: small, fast, occluded, deforming.

Small and fast are the low resolution and fast motion of DAVIS 2016 (Perazzi et al., CVPR 2016, table 1), whose 20
pixels are those of its frames of 1080 rows. Occluded and deforming are our own measures of what people judged there by
eye.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from seem_video.evaluation.davis import DavisSequence

ATTRIBUTES = {
    "small": "its box takes less than a tenth of the frame, on average",
    "fast": "its centre moves more than 20 pixels a frame at 1080p, on average",
    "occluded": "it vanishes, or loses half of its area and regains it, away from the frame's edge",
    "deforming": "its mask overlaps that of the frame before, centres aligned, by an IoU below 0.9 on average",
}

_SMALL_SHARE = 0.1
_FAST_PIXELS = 20 / 1080  # of the frame's height
_HIDDEN_SHARE = 0.5
_STEADY_IOU = 0.9

Mask = npt.NDArray[np.bool_]


@dataclass
class _Track:
    """What is remembered of one object's masks, frame by frame."""

    box_shares: list[float] = field(default_factory=list)
    areas: list[int] = field(default_factory=list)
    at_edge: list[bool] = field(default_factory=list)
    motions: list[float] = field(default_factory=list)
    ious: list[float] = field(default_factory=list)
    centre: npt.NDArray[np.float64] | None = None
    cut_out: Mask | None = None

    def add(self, mask: Mask) -> None:
        height, width = mask.shape
        x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
        crop = np.ascontiguousarray(mask[y : y + h, x : x + w])
        self.areas.append(int(np.count_nonzero(crop)))
        self.at_edge.append(w > 0 and (x == 0 or y == 0 or x + w == width or y + h == height))
        if w == 0:
            self.centre = self.cut_out = None
            return
        self.box_shares.append(w * h / (width * height))
        moments = cv2.moments(crop.view(np.uint8), binaryImage=True)
        dx, dy = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
        centre = np.array([x + dx, y + dy])
        cut_out = _centred(crop, dx, dy)
        if self.centre is not None and self.cut_out is not None:
            self.motions.append(float(np.hypot(*(centre - self.centre))) / height)
            self.ious.append(_iou(cut_out, self.cut_out))
        self.centre, self.cut_out = centre, cut_out

    def attributes(self) -> frozenset[str]:
        found = {
            "small": _mean(self.box_shares) < _SMALL_SHARE,
            "fast": _mean(self.motions) > _FAST_PIXELS,
            "occluded": self._was_hidden(),
            "deforming": _mean(self.ious, default=1.0) < _STEADY_IOU,
        }
        return frozenset(name for name, true in found.items() if true)

    def _was_hidden(self) -> bool:
        areas = np.array(self.areas)
        before, after = np.maximum.accumulate(areas), np.maximum.accumulate(areas[::-1])[::-1]
        vanished = (areas == 0) & (before > 0)
        dipped = (areas < _HIDDEN_SHARE * np.minimum(before, after)) & ~np.array(self.at_edge)
        return bool((vanished | dipped).any())


def sequence_attributes(sequence: DavisSequence) -> dict[int, frozenset[str]]:
    """The attributes of each object of a sequence, by object id; see `ATTRIBUTES` for what each means."""
    tracks = {i: _Track() for i in range(1, sequence.objects + 1)}
    for annotation in sequence.annotations:
        truth, _ = sequence.truth(annotation)
        for i, track in tracks.items():
            track.add(truth == i)
    return {i: track.attributes() for i, track in tracks.items()}


def _centred(crop: Mask, x: float, y: float) -> Mask:
    """The crop in a square with its centre of mass (x, y) in the middle."""
    half = int(np.ceil(max(x, y, crop.shape[1] - x, crop.shape[0] - y))) + 1
    square = np.zeros((2 * half, 2 * half), bool)
    top, left = half - round(y), half - round(x)
    square[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    return square


def _iou(a: Mask, b: Mask) -> float:
    """IoU of two centred masks of their own sizes."""
    small, large = sorted((a, b), key=len)
    margin = (len(large) - len(small)) // 2
    inner = large[margin : margin + len(small), margin : margin + len(small)]
    intersection = np.count_nonzero(small & inner)
    return float(intersection / (np.count_nonzero(a) + np.count_nonzero(b) - intersection))


def _mean(values: list[float], default: float = 0.0) -> float:
    return float(np.mean(values)) if values else default
