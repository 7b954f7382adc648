"""Losses of SEEM: mask cross-entropy and dice at sampled points, similarity of prompt and mask, predicted quality."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seem_video.model.decoder import Decoded

HARD = 0.25
"""Share of the points, those with the largest loss, whose cross-entropy counts."""
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
    """(N, Q) mask loss at random points: cross-entropy of the hardest of them, dice of all.

    The hardest are those with the largest loss, not the least certain ones (as in PointRend): a part of the object that
    is confidently missed has to be learned too.
    """
    where = torch.rand(len(logits), points, 1, 2, device=logits.device) * 2 - 1
    value = F.grid_sample(logits, where, align_corners=False)[..., 0]  # (N, Q, P)
    target = F.grid_sample(truth, where, align_corners=False)[..., 0].expand_as(value)
    cross_entropy = F.binary_cross_entropy_with_logits(value, target, reduction="none")
    hardest = cross_entropy.topk(int(HARD * points), dim=-1).values.mean(-1)
    share = value.sigmoid()
    dice = 1 - (2 * (share * target).sum(-1) + 1) / (share.sum(-1) + target.sum(-1) + 1)
    return WEIGHTS["bce"] * hardest + WEIGHTS["dice"] * dice


def _cell_iou(logits: Tensor, masks: Tensor) -> Tensor:
    """(N, Q) IoU of thresholded candidates with the truth, at the stride of the logits; 1 where both are empty."""
    truth = F.adaptive_avg_pool2d(masks[:, None].float(), (logits.shape[-2], logits.shape[-1])) > 0.5
    predicted = logits > 0
    union = (predicted | truth).flatten(2).sum(2)
    overlap = (predicted & truth).flatten(2).sum(2)
    return torch.where(union > 0, overlap / union.clamp(min=1), torch.ones_like(union, dtype=torch.float32))
