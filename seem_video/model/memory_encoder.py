"""What the compact model adds for video: masks become memory values, and past pixels are read by affinity.

Space-time memory as in STM (Oh et al., 2019) with the L2 affinity of STCN (Cheng et al., 2021): one set of keys a
frame serves every object, values belong to an object.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.layers import ResidualBlock, of_each_object
from seem_video.model.windows import Window, batches

PLAIN = 1.128
"""Size of a plain feature beside the learned channels of a key; held-out sequences chose it."""


class KeyProjection(nn.Module):
    """A frame's features to the keys that pixels are matched by: learned channels, and early features as they are.

    The learned ones alone match the objects of the training videos well, and others no better than the features of an
    ImageNet backbone do.
    """

    def __init__(self, dim: int, early: int, key_dim: int) -> None:
        """Args: channels: dim of the pixel decoder, early of the backbone at stride 8, key_dim that are learned."""
        super().__init__()
        self.project = nn.Conv2d(dim, key_dim, 3, padding=1)
        nn.init.orthogonal_(self.project.weight)
        self.norm = nn.BatchNorm2d(early, affine=False)

    def forward(self, level: Tensor, early: Tensor) -> Tensor:
        """(B, C, h, w) of the pixel decoder at stride 16 and the backbone's map at stride 8, to keys (B, D, h, w)."""
        pooled = F.adaptive_avg_pool2d(early.detach(), (level.shape[-2], level.shape[-1]))
        plain = PLAIN * self.norm(pooled.float())
        learned = self.project(level)
        return torch.cat([learned, plain.to(learned.dtype)], dim=1)


class MemoryEncoder(nn.Module):
    """A frame's features and an object's mask to that object's memory values at stride 16."""

    def __init__(self, dim: int, value_dim: int) -> None:
        super().__init__()
        self.mask = nn.Sequential(
            nn.Conv2d(2, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 64, 3, stride=2, padding=1), nn.ReLU()
        )
        self.image = nn.Conv2d(dim, dim, 1)
        self.mix = nn.Conv2d(64, dim, 1)
        self.refine = nn.Sequential(ResidualBlock(dim), ResidualBlock(dim))
        self.value = nn.Conv2d(dim, value_dim, 1)

    def forward(self, level: Tensor, owner: Tensor, masks: Tensor, windows: Sequence[Window] | None = None) -> Tensor:
        """Encode.

        Args:
            level: (B, C, h, w) stride-16 features.
            owner: (N,) the frame of each object.
            masks: (N, H, W) probabilities at stride 4.
            windows: where each of the objects is, all on one frame; elsewhere the values are those of an object that is
                nowhere. None for anywhere.

        Returns:
            values (N, value_dim, h, w)
        """
        same_frame = (owner[:, None] == owner[None]).to(masks.dtype)
        all_masks = torch.einsum("nm,mhw->nhw", same_frame, masks)
        others = (all_masks - masks).clamp(0, 1)
        maps, seen = torch.stack([masks, others], dim=1), of_each_object(self.image(level), owner)
        if windows is None:
            return self._encode(seen, maps)
        nobody = torch.stack([torch.zeros_like(masks[0]), all_masks[0].clamp(0, 1)])[None]
        values = self._encode(seen[:1], nobody).repeat(len(owner), 1, 1, 1)
        for numbers, cut in batches(windows):
            for i, part in zip(numbers, self._encode(cut(seen, 16), cut(maps, 4)), strict=True):
                windows[i].cut(values[i], 16)[:] = part
        return values

    def _encode(self, seen: Tensor, maps: Tensor) -> Tensor:
        """Values of what is seen (N, C, h, w) with (N, 2, H, W) maps: the object's mask, and those of all others."""
        return self.value(self.refine(seen + self.mix(self.mask(maps))))


def read_memory(query: Tensor, keys: Tensor, values: Tensor, present: Tensor, owner: Tensor) -> Tensor:
    """Read every object's values where the query's pixels look like remembered ones.

    affinity = softmax over remembered pixels of -|key - query|^2 / sqrt(C) (STCN, eq. 2); pixels of frames in which an
    object has no entry take no part for that object.

    Args:
        query: (B, C, h, w) keys of the B frames to segment, or of some of their cells.
        keys: (B, C, T, H, W) remembered keys of T frames each.
        values: (N, D, T, H, W) remembered values.
        present: (N, T) bool, which frames hold an entry of the object; at least one each.
        owner: (N,) the frame of each object.

    Returns:
        (N, D, h, w)
    """
    (height, width), cells = query.shape[-2:], keys.shape[-2] * keys.shape[-1]
    remembered = keys.flatten(2)  # (B, C, S)
    scale = 1 / math.sqrt(query.shape[1])
    size = -scale * remembered.square().sum(1)[:, None]
    rows = 2 * scale * query.flatten(2).transpose(1, 2)
    weight = torch.baddbmm(size, rows, remembered).softmax(dim=-1)  # (B, h*w, S); |query|^2 is the same for all S
    values = values.flatten(2).transpose(1, 2)  # (N, S, D)
    if present.all():
        read = _weigh(weight, values, owner)
    else:
        counts = present.repeat_interleave(cells, dim=1).to(values.dtype)[..., None]  # (N, S, 1)
        read = _weigh(weight, values * counts, owner) / _weigh(weight, counts, owner).clamp(min=1e-20)
    return read.transpose(1, 2).unflatten(2, (height, width))


def _weigh(weight: Tensor, values: Tensor, owner: Tensor) -> Tensor:
    """Sums (N, L, D) of the objects' values (N, S, D) by the weights (B, L, S) of their frames.

    The objects of one frame share its weights, so that one product serves them all.
    """
    if len(weight) > 1:
        return of_each_object(weight, owner) @ values
    together = values.transpose(0, 1).flatten(1)  # (S, N * D)
    return (weight[0] @ together).unflatten(1, (len(values), -1)).transpose(0, 1)


def soft_aggregate(logits: Tensor, owner: Tensor) -> Tensor:
    """Let the objects of a frame compete for pixels (STM, eq. 5: odds against all others and the background).

    Args:
        logits: (N, H, W) independent mask logits.
        owner: (N,) the frame of each object.

    Returns:
        (N, H, W) logits whose sigmoid is the object's share of each pixel.
    """
    odds = logits.clamp(-15, 15).exp()
    same_frame = (owner[:, None] == owner[None]).to(odds.dtype)
    rivals = torch.einsum("nm,mhw->nhw", same_frame, odds) - odds
    return logits - rivals.clamp(min=0).log1p()
