"""Losses of SEEM: mask cross-entropy and dice at sampled points, similarity of prompt and mask, predicted quality."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seem_video.model.decoder import Decoded

OVERSAMPLE = 3
UNCERTAIN = 0.75
WEIGHTS = {"bce": 2.0, "dice": 2.0, "similarity": 0.25, "quality": 0.25}
ALL_CANDIDATES = 0.15
"""Weight of the mean over candidates beside the best one, so that none of them starves."""


def decode_loss(decoded: Decoded, masks: Tensor, points: int) -> tuple[Tensor, Tensor]:
    """The loss of N objects on one frame; the candidate with the least mask loss is the one that learns most.

    Args:
        decoded: of N objects.
        masks: (N, H, W) bool, the truth at full size.
        points: number of points a mask.

    Returns:
        the loss, a scalar, and (N,) the true IoU of the candidate that would be chosen.
    """
    truth = masks[:, None].float()
    mask_loss = _mask_loss(decoded.logits, truth, points)  # (N, Q)
    best = mask_loss.detach().argmin(1)
    total = _favour(mask_loss, best)
    for logits in decoded.auxiliary:
        total = total + 0.5 * _favour(_mask_loss(logits, truth, points), best)
    iou = _cell_iou(decoded.logits.detach(), masks)
    total = total + WEIGHTS["similarity"] * F.cross_entropy(decoded.similarity, best)
    total = total + WEIGHTS["quality"] * F.binary_cross_entropy_with_logits(decoded.quality, iou)
    chosen = decoded.similarity.argmax(1)
    return total, iou.gather(1, chosen[:, None])[:, 0]


def _favour(loss: Tensor, best: Tensor) -> Tensor:
    return (loss.gather(1, best[:, None])[:, 0] + ALL_CANDIDATES * loss.mean(1)).mean()


def _mask_loss(logits: Tensor, truth: Tensor, points: int) -> Tensor:
    """(N, Q) mask loss at points that are mostly uncertain (PointRend's sampling, as in Mask2Former)."""
    where = _uncertain_points(logits.detach(), points)  # (N * Q, P, 1, 2)
    count, queries = logits.shape[:2]
    value = F.grid_sample(logits.flatten(0, 1)[:, None], where, align_corners=False)[:, 0, :, 0]
    target = F.grid_sample(truth, where.view(count, queries * points, 1, 2), align_corners=False)
    target = target.view(count * queries, points)
    bce = F.binary_cross_entropy_with_logits(value, target, reduction="none").mean(1)
    share = value.sigmoid()
    dice = 1 - (2 * (share * target).sum(1) + 1) / (share.sum(1) + target.sum(1) + 1)
    return (WEIGHTS["bce"] * bce + WEIGHTS["dice"] * dice).view(count, queries)


def _uncertain_points(logits: Tensor, points: int) -> Tensor:
    flat = logits.flatten(0, 1)[:, None]
    candidates = torch.rand(len(flat), OVERSAMPLE * points, 1, 2, device=logits.device) * 2 - 1
    uncertainty = -F.grid_sample(flat, candidates, align_corners=False)[:, 0, :, 0].abs()
    hard = int(UNCERTAIN * points)
    index = uncertainty.topk(hard, dim=1).indices
    picked = candidates[:, :, 0].gather(1, index[..., None].expand(-1, -1, 2))
    rest = torch.rand(len(flat), points - hard, 2, device=logits.device) * 2 - 1
    return torch.cat([picked, rest], dim=1)[:, :, None]


def _cell_iou(logits: Tensor, masks: Tensor) -> Tensor:
    """(N, Q) IoU of thresholded candidates with the truth, at the stride of the logits; 1 where both are empty."""
    truth = F.adaptive_avg_pool2d(masks[:, None].float(), (logits.shape[-2], logits.shape[-1])) > 0.5
    predicted = logits > 0
    union = (predicted | truth).flatten(2).sum(2)
    overlap = (predicted & truth).flatten(2).sum(2)
    return torch.where(union > 0, overlap / union.clamp(min=1), torch.ones_like(union, dtype=torch.float32))
