"""Region similarity J, boundary accuracy F and their statistics, as DAVIS defines them.

J and F follow Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation"
(CVPR 2016), in the exact form of the official davis2017-evaluation: the numbers are equal, only sooner. The time is
saved by looking at each mask through a window around it (see `Region`), never at the whole frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

BOUNDARY_THRESHOLD = 0.008
RECALL_THRESHOLD = 0.5
DECAY_BINS = 4

Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

_QUAD = np.ones((2, 2), np.uint8)


@dataclass(frozen=True)
class Statistics:
    """Mean, recall (share of frames above 0.5) and decay (first quarter minus last) of one measure of one object."""

    mean: float
    recall: float
    decay: float


class Region:
    """A mask of a frame, seen through the smallest window that holds all of it that J and F can depend on.

    Attributes:
        area: pixels of the mask.
        outline: pixels of the boundary map.
        top, left: the window's first row and column in the frame.
        mask, boundary: the window's share of the mask and of its boundary map; (h, w) uint8 of 0 and 1.
    """

    def __init__(self, mask: Mask, radius: int) -> None:
        """Takes a (H, W) bool mask and the tolerance of F in pixels (see `boundary_radius`)."""
        pixels = np.ascontiguousarray(mask).view(np.uint8)
        x, y, w, h = cv2.boundingRect(pixels)
        margin = (
            radius + 1 if w else 0
        )  # the boundary lies up to one pixel outside the mask, its reach `radius` further
        self.top, self.left = max(y - margin, 0), max(x - margin, 0)
        self.mask = pixels[self.top : y + h + margin, self.left : x + w + margin]
        self.boundary = _boundary(self.mask) if w else self.mask
        self.area = cv2.countNonZero(self.mask) if w else 0
        self.outline = cv2.countNonZero(self.boundary) if w else 0
        self._radius = radius
        self._reach: list[Bytes] = []

    def jaccard(self, other: Region) -> float:
        """J = |intersection| / |union|; 1 when both masks are empty."""
        mine, others = self._shared(other)
        window = self.mask[mine]
        intersection = cv2.countNonZero(cv2.bitwise_and(window, other.mask[others])) if window.size else 0
        union = self.area + other.area - intersection
        return intersection / union if union else 1.0

    def boundary_f(self, truth: Region) -> float:
        """F of this (predicted) region: the harmonic mean of boundary precision and recall within the tolerance."""
        if self.outline == 0 or truth.outline == 0:
            return float(self.outline == truth.outline)
        precision = self._within_reach_of(truth) / self.outline
        recall = truth._within_reach_of(self) / truth.outline
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    def _within_reach_of(self, other: Region) -> int:
        """How many boundary pixels lie within the tolerance of the other's boundary.

        The tolerance disk is the union of a few rectangles, and dilating by a rectangle is many times faster than by
        a disk; most boundaries are matched by the first one or two, after which there is nothing left to look for.
        """
        mine, others = self._shared(other)
        unmatched = self.boundary[mine]
        if not unmatched.size:
            return 0
        candidates = left = cv2.countNonZero(unmatched)
        for k in range(len(_rectangles(self._radius))):
            if not left:
                break
            unmatched = np.asarray(cv2.subtract(unmatched, other._dilated(k)[others]), np.uint8)
            left = cv2.countNonZero(unmatched)
        return candidates - left

    def _dilated(self, k: int) -> Bytes:
        """The boundary dilated by the k-th rectangle of the tolerance disk."""
        if k == len(self._reach):
            self._reach.append(np.asarray(cv2.dilate(self.boundary, _rectangles(self._radius)[k]), np.uint8))
        return self._reach[k]

    def _shared(self, other: Region) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Where the two windows overlap, as slices into each."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom = max(top, min(self.top + self.mask.shape[0], other.top + other.mask.shape[0]))
        right = max(left, min(self.left + self.mask.shape[1], other.left + other.mask.shape[1]))
        return (
            (slice(top - self.top, bottom - self.top), slice(left - self.left, right - self.left)),
            (slice(top - other.top, bottom - other.top), slice(left - other.left, right - other.left)),
        )


def region_similarity(truth: Mask, prediction: Mask, void: Mask | None = None) -> float:
    """Region similarity J of two masks: intersection over union.

    `truth`, `prediction` and `void` are (H, W) bool; pixels of `void` count for neither. An empty union gives 1.
    Raises ValueError when shapes differ. Source: Perazzi et al., CVPR 2016, section 5.
    """
    truth, prediction = _without_void(truth, prediction, void)
    intersection = int(np.count_nonzero(truth & prediction))
    union = int(np.count_nonzero(truth | prediction))
    return intersection / union if union else 1.0


def boundary_accuracy(
    truth: Mask, prediction: Mask, void: Mask | None = None, threshold: float = BOUNDARY_THRESHOLD
) -> float:
    """Boundary accuracy F of two masks: the F-measure of their boundaries, matched within a tolerance.

    `truth`, `prediction` and `void` are (H, W) bool; void pixels become background in both before boundaries are taken.
    `threshold` is described at `boundary_radius`. Raises ValueError when shapes differ.
    Source: Perazzi et al., CVPR 2016, section 5, with the matching by dilation of davis2017-evaluation.
    """
    truth, prediction = _without_void(truth, prediction, void)
    height, width = truth.shape
    radius = boundary_radius(height, width, threshold)
    return Region(prediction, radius).boundary_f(Region(truth, radius))


def boundary_map(mask: Mask) -> Mask:
    """The boundary of a (H, W) bool mask as (H, W) bool: pixels unlike their right, lower or lower-right neighbour.

    Beyond the last row and column the mask is taken to go on as it is, so the edge of the frame is no boundary.
    """
    return _boundary(np.ascontiguousarray(mask).view(np.uint8)).view(np.bool_)


def boundary_radius(height: int, width: int, threshold: float = BOUNDARY_THRESHOLD) -> int:
    """The tolerance of F in pixels: `threshold` as a share of the frame's diagonal, rounded up; 1 or more is pixels."""
    return math.ceil(threshold if threshold >= 1 else threshold * math.hypot(height, width))


def statistics(values: Sequence[float]) -> Statistics:
    """Mean, recall and decay of one measure over the frames of an object; NaN stands for a frame without a value.

    The decay compares the first and the last of four bins that share their border frames. Unlike the official code,
    whose bin edges overflow 8 bits, it is right for sequences of any length.
    """
    series = np.asarray(values, dtype=np.float64)
    last = len(series) - 1
    edges = [(last * k + 2) // DECAY_BINS for k in range(DECAY_BINS + 1)]
    first_bin, last_bin = series[: edges[1] + 1], series[edges[-2] :]
    return Statistics(
        mean=_mean(series),
        recall=float(np.mean(series > RECALL_THRESHOLD)) if len(series) else math.nan,
        decay=_mean(first_bin) - _mean(last_bin),
    )


def mean_statistics(items: Sequence[Statistics]) -> Statistics:
    """The plain mean over objects of each statistic; NaN where there is no object."""
    if not items:
        return Statistics(math.nan, math.nan, math.nan)
    mean, recall, decay = np.array([(s.mean, s.recall, s.decay) for s in items]).mean(axis=0)
    return Statistics(float(mean), float(recall), float(decay))


def _boundary(pixels: Bytes) -> Bytes:
    """The boundary map of 0/1 pixels: where a pixel's 2x2 square to the lower right is not of one value."""
    boundary = cv2.morphologyEx(pixels, cv2.MORPH_GRADIENT, _QUAD, anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(boundary, np.uint8)


@lru_cache(maxsize=32)
def _rectangles(radius: int) -> tuple[Bytes, ...]:
    """Centred rectangles whose union is the disk of all offsets within `radius` pixels, the largest first."""
    half_heights = {math.isqrt(radius**2 - dy**2): dy for dy in range(radius + 1)}  # by half width; the tallest stays
    rectangles = [np.ones((2 * dy + 1, 2 * dx + 1), np.uint8) for dx, dy in half_heights.items()]
    return tuple(sorted(rectangles, key=lambda rectangle: -rectangle.size))


def _without_void(truth: Mask, prediction: Mask, void: Mask | None) -> tuple[Mask, Mask]:
    truth, prediction = np.asarray(truth, dtype=np.bool_), np.asarray(prediction, dtype=np.bool_)
    if truth.ndim != 2 or truth.shape != prediction.shape or (void is not None and void.shape != truth.shape):
        raise ValueError(f"masks must be two-dimensional and of one size, not {truth.shape} and {prediction.shape}")
    return (truth, prediction) if void is None else (truth & ~void, prediction & ~void)


def _mean(series: npt.NDArray[np.float64]) -> float:
    present = series[~np.isnan(series)]
    return float(np.mean(present)) if len(present) else math.nan
