"""Simulated users: prompts drawn from true masks, and correction clicks drawn from errors."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from seem_video.model.head import MASK_STRIDE, DensePrompt

Region = npt.NDArray[np.bool_]
KINDS = ("click", "box", "scribble")
CHANCES = (0.55, 0.2, 0.25)
DAMAGED = 0.5
"""Share of the masks on the way into the memory that are damaged."""


def to_cells(masks: Tensor) -> Tensor:
    """(N, H, W) bool masks to (N, h, w) shares at the stride of the mask features."""
    return F.avg_pool2d(masks[:, None].float(), MASK_STRIDE)[:, 0]


def draw_prompts(shares: Tensor, rng: np.random.Generator) -> DensePrompt:
    """One prompt for each of the (N, h, w) true masks: a click, box or scribble at random."""
    positive, box = np.zeros(shares.shape, bool), np.zeros(shares.shape, bool)
    for i, share in enumerate(shares.cpu().numpy()):
        region = share > 0.5 if (share > 0.5).any() else share > 0
        kind = rng.choice(KINDS, p=CHANCES)
        if kind == "click":
            positive[i][_inner_pixel(region, rng, least_depth=float(rng.choice([0.95, 0.7, 0.3])))] = True
        elif kind == "scribble":
            positive[i] = _scribble(region, rng)
        else:
            box[i] = _loose_box(region, rng)
    nothing = torch.zeros_like(shares)
    return DensePrompt(
        torch.from_numpy(positive).to(shares.device), nothing.bool(), torch.from_numpy(box).to(shares.device), nothing
    )


def add_corrections(prompt: DensePrompt, shares: Tensor, probability: Tensor, rng: np.random.Generator) -> DensePrompt:
    """Add a click at the middle of each prediction's worst error, and the prediction as the previous mask."""
    positive, negative = prompt.positive.clone(), prompt.negative.clone()
    missed = ((shares > 0.5) & (probability <= 0.5)).cpu().numpy()
    spilled = ((shares <= 0.5) & (probability > 0.5)).cpu().numpy()
    for i, (miss, spill) in enumerate(zip(missed, spilled, strict=True)):
        clicked, region = max(((positive, miss), (negative, spill)), key=lambda pair: _depth(pair[1]).max())
        if region.any():
            row, column = _inner_pixel(region, rng, least_depth=0.9)
            clicked[i, row, column] = True
    return DensePrompt(positive, negative, prompt.box, probability)


def damage(probability: Tensor, rng: np.random.Generator) -> Tensor:
    """The (N, h, w) masks, of which `DAMAGED` lose parts or win some of their surroundings, in random blobs.

    So a model learns to mend what it once got wrong, by the frames that are right, instead of passing it on.
    """
    count, height, width = probability.shape
    noise = torch.from_numpy(rng.random((count, 1, 5, 5), np.float32)).to(probability.device)
    blobs = F.interpolate(noise, size=(height, width), mode="bicubic", align_corners=True)[:, 0]
    blobs = blobs > torch.from_numpy(rng.uniform(0.45, 0.8, (count, 1, 1)).astype(np.float32)).to(blobs.device)
    kind = torch.from_numpy(rng.random((count, 1, 1))).to(probability.device)
    near = F.max_pool2d((probability[:, None] > 0.5).float(), 17, stride=1, padding=8)[:, 0] > 0
    lost = probability.masked_fill(blobs & (kind < 0.7 * DAMAGED), 0.0)
    return lost.masked_fill(blobs & near & (kind >= 0.7 * DAMAGED) & (kind < DAMAGED), 1.0)


def _depth(region: Region) -> npt.NDArray[np.float32]:
    """Distance of each pixel to the nearest one outside; the frame's border counts as outside."""
    padded = np.pad(region, 1).astype(np.uint8)
    return cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1].astype(np.float32)


def _inner_pixel(region: Region, rng: np.random.Generator, *, least_depth: float) -> tuple[int, int]:
    depth = _depth(region)
    rows, columns = np.nonzero((depth >= least_depth * depth.max()) & region)
    pick = int(rng.integers(len(rows)))
    return int(rows[pick]), int(columns[pick])


def _scribble(region: Region, rng: np.random.Generator) -> Region:
    points = [_inner_pixel(region, rng, least_depth=0.3) for _ in range(int(rng.integers(2, 5)))]
    canvas = np.zeros(region.shape, np.uint8)
    cv2.polylines(canvas, [np.array([(column, row) for row, column in points], np.int32)], False, 1)
    return (canvas > 0) & region


def _loose_box(region: Region, rng: np.random.Generator) -> Region:
    rows, columns = np.nonzero(region.any(1))[0], np.nonzero(region.any(0))[0]
    sides = np.array([rows[0], rows[-1] + 1, columns[0], columns[-1] + 1], float)
    extent = np.array([sides[1] - sides[0]] * 2 + [sides[3] - sides[2]] * 2)
    top, bottom, left, right = np.round(sides + rng.normal(0, 0.05, 4) * extent).astype(int)
    out = np.zeros(region.shape, bool)
    out[max(top, 0) : max(bottom, top + 1), max(left, 0) : max(right, left + 1)] = True
    return out if out.any() else region
