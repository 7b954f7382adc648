"""The released pixel decoders' second kind: deformable attention over three levels (Zhu et al., 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.layers import FeedForward, NormedConv, resize_to, sequence, sine_sequence


@dataclass(frozen=True)
class DeformableConfig:
    """Shape of a deformable pixel decoder; `points` are sampled a head and level."""

    dim: int
    layers: int
    heads: int
    ffn_dim: int
    points: int


class DeformableAttention(nn.Module):
    """Every position of every level looks at a few points near it in each level, at learned offsets and weights."""

    def __init__(self, dim: int, heads: int, levels: int, points: int) -> None:
        super().__init__()
        self.shape = (heads, levels, points)
        self.sampling_offsets = nn.Linear(dim, heads * levels * points * 2)
        self.attention_weights = nn.Linear(dim, heads * levels * points)
        self.value_proj = nn.Linear(dim, dim)
        self.output_proj = nn.Linear(dim, dim)

    def forward(self, query: Tensor, x: Tensor, sizes: Sequence[torch.Size], centres: Tensor) -> Tensor:
        """Attend.

        Args:
            query: (B, L, C), the L positions of all levels one after another. x: (B, L, C), what is sampled.
            sizes: h, w of each level. centres: (L, 2) x, y of each position in 0..1.

        Returns:
            (B, L, C)
        """
        heads = self.shape[0]
        offsets = self.sampling_offsets(query).unflatten(2, (*self.shape, 2))
        weights = self.attention_weights(query).unflatten(2, (heads, -1)).softmax(-1).unflatten(3, self.shape[1:])
        values = self.value_proj(x).unflatten(2, (heads, -1)).permute(0, 2, 3, 1).flatten(0, 1)  # (B * heads, c, L)
        total = torch.zeros_like(values)
        for i, (level, size) in enumerate(zip(values.split([h * w for h, w in sizes], dim=2), sizes, strict=True)):
            shift = offsets[:, :, :, i] / offsets.new_tensor([size[1], size[0]])
            grid = (centres[:, None, None] + shift) * 2 - 1  # (B, L, heads, points, 2)
            sampled = F.grid_sample(
                level.unflatten(2, size), grid.transpose(1, 2).flatten(0, 1), align_corners=False
            )  # (B * heads, c, L, points)
            total += (sampled * weights[:, :, :, i].transpose(1, 2).flatten(0, 1)[:, None]).sum(-1)
        return self.output_proj(total.unflatten(0, (-1, heads)).flatten(1, 2).transpose(1, 2))


class DeformableLayer(nn.Module):
    """Post-norm deformable self-attention and feed-forward."""

    def __init__(self, config: DeformableConfig, levels: int) -> None:
        super().__init__()
        self.self_attn = DeformableAttention(config.dim, config.heads, levels, config.points)
        self.norm = nn.LayerNorm(config.dim)
        self.ffn = FeedForward(config.dim, config.ffn_dim)

    def forward(self, x: Tensor, position: Tensor, sizes: Sequence[torch.Size], centres: Tensor) -> Tensor:
        return self.ffn(self.norm(x + self.self_attn(x + position, x, sizes, centres)))


class DeformablePixelDecoder(nn.Module):
    """Turns backbone maps into three levels that have seen each other, and the map that masks are dotted with."""

    def __init__(self, config: DeformableConfig, channels: Sequence[int]) -> None:
        """Args: config; channels: of the backbone's maps at strides 4, 8, 16, 32."""
        super().__init__()
        dim = config.dim
        self.input_proj = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, dim, 1), nn.GroupNorm(32, dim)) for c in channels[:0:-1]
        )
        self.level_embed = nn.Parameter(torch.randn(3, dim))
        self.encoder = nn.ModuleList(DeformableLayer(config, levels=3) for _ in range(config.layers))
        self.adapters = nn.ModuleList([NormedConv(channels[0], dim, 1)])
        self.smooth = nn.ModuleList([NormedConv(dim, dim, 3)])
        self.mask_features = nn.Conv2d(dim, dim, 1)

    def forward(self, maps: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Decode (B, C_i, h_i, w_i) maps at strides 4, 8, 16, 32.

        Returns:
            levels: (B, dim, h, w) at strides 32, 16, 8; mask_features: (B, dim, h, w) at stride 4.
        """
        coarse_first = [project(x) for project, x in zip(self.input_proj, maps[:0:-1], strict=True)]
        sizes = [x.shape[-2:] for x in coarse_first]
        position = torch.cat([sine_sequence(x) + e for x, e in zip(coarse_first, self.level_embed, strict=True)])
        centres = torch.cat([_centres(x) for x in coarse_first])
        x = torch.cat([sequence(x) for x in coarse_first], dim=1)
        for layer in self.encoder:
            x = layer(x, position, sizes, centres)
        parts = x.transpose(1, 2).split([h * w for h, w in sizes], dim=2)
        levels = [part.unflatten(2, size) for part, size in zip(parts, sizes, strict=True)]
        finest = self.smooth[0](self.adapters[0](maps[0]) + resize_to(levels[-1], maps[0]))
        return levels, self.mask_features(F.relu(finest, inplace=True))


def _centres(x: Tensor) -> Tensor:
    """(h * w, 2) x, y in 0..1 of the pixel centres of a map (B, C, h, w)."""
    height, width = x.shape[-2:]
    rows = (torch.arange(height, device=x.device, dtype=x.dtype) + 0.5) / height
    columns = (torch.arange(width, device=x.device, dtype=x.dtype) + 0.5) / width
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1)
    return grid.flip(-1).flatten(0, 1)
