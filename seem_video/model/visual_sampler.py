"""The visual sampler: points of a prompt become feature vectors of every level (SEEM, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.layers import of_each_object

INDICATORS = ("positive", "negative", "box")
"""What a point says; each kind has a learned vector that is added to its tokens."""


@dataclass
class PromptTokens:
    """Visual prompts of N objects.

    Attributes:
        levels: per attended level (N, T, C) feature vectors with their indicator added.
        valid: (N, T) bool; False marks tokens that stand for nothing.
        positive: (N, T) bool; tokens that lie on the object.
    """

    levels: list[Tensor]
    valid: Tensor
    positive: Tensor

    def select(self, rows: Tensor | list[int]) -> PromptTokens:
        """The tokens of some of the objects."""
        return PromptTokens([level[rows] for level in self.levels], self.valid[rows], self.positive[rows])

    def embedding(self) -> Tensor:
        """(N, C) prompt embedding: mean of the tokens on the object, over points and levels; zero without any."""
        weight = (self.valid & self.positive).to(self.levels[0].dtype)
        total = torch.stack(self.levels).mean(0) * weight[..., None]
        return total.sum(1) / weight.sum(1, keepdim=True).clamp(min=1)

    @staticmethod
    def concatenate(parts: Sequence[PromptTokens]) -> PromptTokens:
        """Join the tokens of the same objects from several frames."""
        levels = [torch.cat(level, dim=1) for level in zip(*(p.levels for p in parts), strict=True)]
        return PromptTokens(levels, torch.cat([p.valid for p in parts], 1), torch.cat([p.positive for p in parts], 1))


def spread_points(region: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Pick `count` points spread evenly over the set pixels of each region, in reading order; no randomness.

    Args:
        region: (N, h, w) bool.
        count: points a region; a region of fewer pixels repeats them.

    Returns:
        points: (N, count, 2) float x, y in 0..1 (pixel centres); valid: (N,) bool, False where a region is empty.
    """
    width = region.shape[-1]
    rank = region.flatten(1).cumsum(1).float()
    total = rank[:, -1:].contiguous()
    wanted = (torch.arange(count, device=region.device) + 0.5) / count * total
    index = torch.searchsorted(rank, wanted.contiguous()).clamp(max=rank.shape[1] - 1)
    x, y = index % width, torch.div(index, width, rounding_mode="floor")
    points = torch.stack([(x + 0.5) / width, (y + 0.5) / region.shape[-2]], dim=-1)
    return points, total[:, 0] > 0


class VisualSampler(nn.Module):
    """Samples prompt tokens from the levels of an encoded frame."""

    def __init__(self, dim: int, levels: int, points: int) -> None:
        super().__init__()
        self.points = points
        self.project = nn.ModuleList(nn.Linear(dim, dim) for _ in range(levels))
        self.indicator = nn.Parameter(torch.randn(len(INDICATORS), dim) * 0.02)

    def forward(self, levels: Sequence[Tensor], owner: Tensor, regions: Sequence[Tensor]) -> PromptTokens:
        """Sample tokens.

        Args:
            levels: (B, C, h, w) maps.
            owner: (N,) the frame of each object.
            regions: one (N, h, w) bool map for each of `INDICATORS`.
        """
        picked = [spread_points(region, self.points) for region in regions]
        grid = torch.cat([points for points, _ in picked], dim=1)[:, None] * 2 - 1  # (N, 1, T, 2)
        indicator = self.indicator.repeat_interleave(self.points, dim=0)
        tokens = []
        for level, project in zip(levels, self.project, strict=True):
            sampled = F.grid_sample(of_each_object(level, owner), grid.to(level.dtype), align_corners=False)
            tokens.append(project(sampled[:, :, 0].transpose(1, 2)) + indicator)
        valid = torch.cat([valid[:, None].expand(-1, self.points) for _, valid in picked], dim=1)
        positive = torch.zeros_like(valid)
        positive[:, : self.points] = True
        return PromptTokens(tokens, valid, positive)
