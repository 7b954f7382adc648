"""From candidates to labelled regions: panoptic, instance and semantic output, as Mask2Former and SEEM make them.

In all functions, class logits are (Q, K + 1) with the void class last, mask logits are (Q, H, W) at the image's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

CERTAIN_CLASS = 0.8
"""Probability of its class from which a candidate counts."""
VISIBLE_SHARE = 0.8
"""Share of its own mask that a candidate must keep beside the others."""


@dataclass(frozen=True)
class Region:
    """A labelled mask: index of its class, score in 0..1, mask (H, W) bool."""

    label: int
    score: float
    mask: Tensor


def is_certain(class_logits: Tensor, *, certain: float = CERTAIN_CLASS) -> Tensor:
    """(Q,) bool: the candidates of which panoptic regions are made; the others need no mask."""
    scores, labels = class_logits.softmax(-1).max(-1)
    return (labels != class_logits.shape[-1] - 1) & (scores > certain)


def panoptic(
    class_logits: Tensor, mask_logits: Tensor, is_stuff: Sequence[bool], *, certain: float = CERTAIN_CLASS
) -> list[Region]:
    """Regions without overlap: each pixel goes to the candidate of the largest class times mask probability.

    Candidates of which less than `VISIBLE_SHARE` is left are dropped, and regions of the same stuff are one.
    """
    kept = is_certain(class_logits, certain=certain)
    if not kept.any():
        return []
    scores, labels = class_logits.softmax(-1).max(-1)
    scores, labels, probability = scores[kept], labels[kept], mask_logits[kept].sigmoid()
    winner = (scores[:, None, None] * probability).argmax(0)
    regions: dict[object, Region] = {}
    for i, (label, score) in enumerate(zip(labels.tolist(), scores.tolist(), strict=True)):
        own, whole = winner == i, probability[i] >= 0.5
        mask = own & whole
        if not mask.any() or own.sum() / whole.sum() < VISIBLE_SHARE:
            continue
        key = ("stuff", label) if is_stuff[label] else ("thing", i)
        if key in regions:
            mask, score = mask | regions[key].mask, max(score, regions[key].score)
        regions[key] = Region(label, score, mask)
    return list(regions.values())


def instances(class_logits: Tensor, mask_logits: Tensor, is_stuff: Sequence[bool], *, most: int = 100) -> list[Region]:
    """Things, best first, which may overlap: the `most` best pairs of candidate and class.

    The score is the class's probability times the mean mask probability inside the mask.
    """
    probability = class_logits.softmax(-1)[:, :-1]
    classes = probability.shape[1]
    best = probability.flatten().topk(min(most, probability.numel()))
    found = []
    for score, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        candidate, label = divmod(index, classes)
        mask = mask_logits[candidate] > 0
        if not is_stuff[label] and mask.any():
            inside = float(mask_logits[candidate].sigmoid()[mask].mean())
            found.append(Region(label, score * inside, mask))
    return sorted(found, key=lambda region: -region.score)


def semantic(class_logits: Tensor, mask_logits: Tensor) -> list[Region]:
    """Regions that fill the image, one a class: each pixel goes to the class of the largest evidence.

    The evidence of a class is the sum over all candidates of class times mask probability; a region's score is the mean
    share of its class in the evidence of all classes.
    """
    probability = class_logits.softmax(-1)[:, :-1]
    evidence = torch.einsum("qk,qhw->khw", probability, mask_logits.sigmoid())
    best, labels = evidence.max(0)
    share = best / evidence.sum(0)
    regions = ((label, labels == label) for label in labels.unique().tolist())
    return [Region(label, float(share[mask].mean()), mask) for label, mask in regions]
