"""The released models' visual sampler: the points of a prompt, at most 512 of each sign, read from every level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seem_video.model.visual_sampler import PromptTokens

MAX_POINTS = 512


@dataclass
class PointTokens(PromptTokens):
    """Visual prompts of N sequences, each of which may speak of several items (objects in one sequence).

    Attributes:
        item: (N, T) long, the item that each token belongs to.
        positive_mean, negative_mean: (N, O, C) mean mask feature under each item's positive and negative points.
    """

    item: Tensor
    positive_mean: Tensor
    negative_mean: Tensor

    def select(self, rows: Tensor | list[int]) -> PointTokens:
        """The tokens of some of the sequences."""
        levels = [level[rows] for level in self.levels]
        others = (self.valid, self.positive, self.item, self.positive_mean, self.negative_mean)
        return PointTokens(levels, *(value[rows] for value in others))


@dataclass
class Points:
    """Prompt points of N sequences, padded to the longest.

    Attributes:
        place: (N, T, 2) float y, x in 0..1: pixel index over size. item: (N, T) long. valid: (N, T) bool.
    """

    place: Tensor
    item: Tensor
    valid: Tensor

    @classmethod
    def of(cls, regions: Tensor, most: int) -> Points:
        """The set pixels of regions (N, O, H, W) bool in reading order, item after item.

        Where there are more than `most`, every item keeps an equal share of them, evenly spread; the published code
        draws as many at random.
        """
        height, width = regions.shape[-2:]
        chosen = [_thin(region.nonzero(), most) for region in regions]
        longest = max(len(points) for points in chosen)
        place = regions.new_zeros((len(regions), longest, 2), dtype=torch.float32)
        item = regions.new_zeros((len(regions), longest), dtype=torch.long)
        valid = regions.new_zeros((len(regions), longest))
        for n, points in enumerate(chosen):
            item[n, : len(points)] = points[:, 0]
            place[n, : len(points)] = points[:, 1:] / points.new_tensor([height, width])
            valid[n, : len(points)] = True
        return cls(place, item, valid)


class PointSampler(nn.Module):
    """Samples prompt tokens from the levels of an encoded frame."""

    def __init__(self, dim: int, levels: int) -> None:
        super().__init__()
        self.project = nn.ParameterList(torch.randn(dim, dim) * dim**-0.5 for _ in range(levels))
        self.indicator = nn.Parameter(torch.randn(2, dim))

    def forward(
        self,
        levels: Sequence[Tensor],
        mask_features: Tensor,
        owner: Tensor,
        positive: Tensor,
        negative: Tensor,
        *,
        empty_mean: float,
        most: int = MAX_POINTS,
    ) -> PointTokens:
        """Sample tokens.

        Args:
            levels: (B, C, h, w) maps, with their level embedding. mask_features: (B, C, h, w) at stride 4.
            owner: (N,) the frame of each sequence.
            positive, negative: (N, O, H, W) bool, at the size of the encoded, padded frame.
            empty_mean: every number of the mean feature of an item without points.
            most: points of each sign that a sequence keeps.
        """
        signs = [Points.of(positive, most), Points.of(negative, most)]
        tokens = []
        for level, project in zip(levels, self.project, strict=True):
            parts = [
                sample(level, owner, points.place) @ project + indicator
                for points, indicator in zip(signs, self.indicator, strict=True)
            ]
            tokens.append(torch.cat(parts, dim=1))
        means = [_mean(sample(mask_features, owner, p.place), p, positive.shape[1], empty_mean) for p in signs]
        valid = torch.cat([points.valid for points in signs], dim=1)
        on_object = torch.cat([signs[0].valid, torch.zeros_like(signs[1].valid)], dim=1)
        return PointTokens(tokens, valid, on_object, torch.cat([points.item for points in signs], dim=1), *means)


def sample(features: Tensor, owner: Tensor, place: Tensor) -> Tensor:
    """Bilinear samples of (B, C, h, w) at (N, T, 2) y, x in 0..1, which span the map from first to last cell centre.

    Returns:
        (N, T, C), of the frames `owner` (N,).
    """
    height, width = features.shape[-2:]
    cells = features.permute(0, 2, 3, 1).flatten(0, 2)
    position = place * place.new_tensor([height - 1, width - 1])
    low = position.floor()
    fraction = position - low
    (y0, x0), (y1, x1) = low.long().unbind(-1), (low.long() + 1).unbind(-1)
    start = owner[:, None] * (height * width)
    rows = [start + y0 * width, start + y1.clamp(max=height - 1) * width]
    columns = [x0, x1.clamp(max=width - 1)]
    weights = [torch.stack([1 - f, f]) for f in fraction.unbind(-1)]
    corners = [
        cells[rows[i] + columns[j]] * (weights[0][i] * weights[1][j]).to(features.dtype)[..., None]
        for i in (0, 1)
        for j in (0, 1)
    ]
    return torch.stack(corners).sum(0)


def _mean(sampled: Tensor, points: Points, items: int, empty: float) -> Tensor:
    """(N, O, C) mean of the samples (N, T, C) of each item."""
    belongs = (points.item[:, None] == torch.arange(items, device=sampled.device)[:, None]) & points.valid[:, None]
    count = belongs.sum(-1, keepdim=True)
    mean = belongs.to(sampled.dtype) @ sampled / count.clamp(min=1)
    return torch.where(count > 0, mean, empty)


def _thin(points: Tensor, most: int) -> Tensor:
    """At most `most` of (K, 3) item, y, x, in their order."""
    if len(points) <= most:
        return points
    _, counts = points[:, 0].unique_consecutive(return_counts=True)
    share = most // len(counts)
    kept = [
        group[torch.linspace(0, len(group) - 1, min(share, len(group)), device=group.device).round().long()]
        for group in points.split(counts.tolist())
    ]
    return torch.cat(kept)
