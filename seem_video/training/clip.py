"""One training clip: prompt the first frame, propagate through the rest, sum the losses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from seem_video.model.head import DensePrompt, HeadFeatures, select_mask
from seem_video.model.memory_encoder import read_memory, soft_aggregate
from seem_video.model.seem import SEEM, FrameFeatures
from seem_video.model.visual_sampler import PromptTokens
from seem_video.training.data import ClipBatch
from seem_video.training.losses import decode_loss
from seem_video.training.prompting import add_corrections, damage, draw_prompts, to_cells

KEEP_TRUTH = 0.55
"""Share of objects that are propagated from their true first mask instead of the predicted one."""
MOST_CORRECTIONS = 3
"""Clicks on the first mask's errors: one to so many, the same number for all objects of a batch."""
FORGET_PREVIOUS = 0.3
"""Share of objects whose previous mask is hidden, so that memory alone must find them."""


@dataclass
class ClipLosses:
    """The loss to minimise and the mean IoU after the prompt, after a correction and while propagating."""

    total: Tensor
    prompted: Tensor
    corrected: Tensor
    propagated: Tensor


class ClipTrainer(nn.Module):
    """Runs `SEEM` over clips; a module of its own so that it can be wrapped for several processes."""

    def __init__(self, model: SEEM, points: int) -> None:
        super().__init__()
        self.model = model
        self.points = points

    def forward(self, batch: ClipBatch, rng: np.random.Generator) -> ClipLosses:
        """Losses of B clips with N objects; `rng` draws the prompts."""
        frames = batch.images.shape[1]
        images = self.model.normalise(batch.images.flatten(0, 1).float())
        features = _frames(self.model.encode_image(images), frames)
        owner, masks = batch.owner, batch.masks
        first = to_cells(masks[:, 0])

        head, seen = self.model.prompting, self.model.see_prompted(features[0])
        prompt = draw_prompts(first, rng)
        tokens = head.encode_prompts(seen, owner, prompt)
        decoded = head.decode(seen, owner, prompt, tokens, readout=None, previous=None)
        total, prompted = decode_loss(decoded, masks[:, 0], self.points)

        for _ in range(int(rng.integers(MOST_CORRECTIONS)) + 1):
            logits = select_mask(decoded)[0].detach()
            prompt = add_corrections(prompt, first, logits.sigmoid(), rng)
            tokens = head.encode_prompts(seen, owner, prompt)
            decoded = head.decode(seen, owner, prompt, tokens, readout=None, previous=logits)
            loss, corrected = decode_loss(decoded, masks[:, 0], self.points)
            total = total + 0.5 * loss

        if frames == 1:
            return ClipLosses(total, prompted.mean(), corrected.mean(), torch.zeros(()))
        aggregated = soft_aggregate(select_mask(decoded)[0], owner)
        use_truth = torch.from_numpy(rng.random(len(owner)) < KEEP_TRUTH).to(corrected.device) | (corrected < 0.6)
        probability = torch.where(use_truth[:, None, None], first, aggregated.sigmoid())
        loss, propagated = self._propagate(features, owner, masks, probability, rng)
        return ClipLosses(total + loss, prompted.mean(), corrected.mean(), propagated.mean())

    def _propagate(
        self,
        features: list[FrameFeatures],
        owner: Tensor,
        masks: Tensor,
        probability: Tensor,
        rng: np.random.Generator,
    ) -> tuple[Tensor, Tensor]:
        model, head = self.model, self.model.tracking
        keys, values = [features[0].key], [model.encode_memory(features[0], owner, probability)]
        reference = head.encode_reference(features[0].tracking, owner, probability)
        recent = reference
        total, ious = torch.zeros((), device=masks.device), []
        for t in range(1, len(features)):
            present = torch.ones(len(owner), t, dtype=torch.bool, device=masks.device)
            readout = read_memory(features[t].key, torch.stack(keys, 2), torch.stack(values, 2), present, owner)
            hidden = torch.from_numpy(rng.random(len(owner)) < FORGET_PREVIOUS).to(masks.device)[:, None, None]
            previous = probability.detach().masked_fill(hidden, 0.0)
            decoded = head.decode(
                features[t].tracking,
                owner,
                DensePrompt.only_previous(previous),
                PromptTokens.concatenate([reference, recent]),
                readout=readout,
                previous=torch.logit(previous, eps=1e-4),
            )
            loss, iou = decode_loss(decoded, masks[:, t], self.points)
            total = total + 1.5 * loss
            ious.append(iou)
            if t + 1 < len(features):
                probability = damage(soft_aggregate(select_mask(decoded)[0], owner).sigmoid(), rng)
                keys.append(features[t].key)
                values.append(model.encode_memory(features[t], owner, probability))
                recent = head.encode_reference(features[t].tracking, owner, probability.detach())
        return total, torch.stack(ious)


def _frames(features: FrameFeatures, frames: int) -> list[FrameFeatures]:
    """Split features of (B * T) images into T frames of B clips."""

    def at(maps: Tensor, t: int) -> Tensor:
        return maps.unflatten(0, (-1, frames))[:, t]

    return [
        FrameFeatures(
            [at(each, t) for each in features.maps],
            HeadFeatures([at(level, t) for level in features.tracking.levels], at(features.tracking.mask_features, t)),
            at(features.key, t),
        )
        for t in range(frames)
    ]
