"""The image encoder of Segment Anything (Kirillov et al., 2023) from timm's blocks, with SEEM's four-level neck."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

PATCH = 16


@dataclass(frozen=True)
class SamViTConfig:
    """Shape of a SAM ViT.

    Attributes:
        dim, heads: width and attention heads. grid: side of the table of absolute positions, in patches.
        windows: for each block the side of its attention windows, in patches; 0 for attention over the whole image.
        neck: channels out at strides 4, 8, 16, 32.
    """

    dim: int
    heads: int
    grid: int
    windows: tuple[int, ...]
    neck: tuple[int, ...]


class SamViT(nn.Module):
    """Images (B, 3, H, W) to maps (B, neck[i], h, w) at strides 4, 8, 16, 32.

    H and W are `grid` * 16, 1024 in the released models. A smaller image takes the top left of the position table and
    interpolated relative positions; no released weights were trained so.
    """

    def __init__(self, config: SamViTConfig) -> None:
        super().__init__()
        dim = config.dim
        self.channels = list(config.neck)
        self.side = config.grid * PATCH
        self.pos_embed = nn.Parameter(torch.zeros(1, config.grid, config.grid, dim))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, dim, PATCH, stride=PATCH)})
        self.blocks = nn.Sequential(*(_block(config, window) for window in config.windows))
        self.neck = nn.ModuleDict(_neck(dim, config.neck))

    def forward(self, images: Tensor) -> list[Tensor]:
        x = self.patch_embed["proj"](images).permute(0, 2, 3, 1)
        x = self.blocks(x + self.pos_embed[:, : x.shape[1], : x.shape[2]])
        x = x.permute(0, 3, 1, 2)
        return [level(x) for level in self.neck.values()]


def _block(config: SamViTConfig, window: int) -> nn.Module:
    from timm.models.vision_transformer_sam import Block

    norm: Any = partial(nn.LayerNorm, eps=1e-6)
    side = (config.grid, config.grid)
    return Block(config.dim, config.heads, norm_layer=norm, use_rel_pos=True, window_size=window, input_size=side)


def _neck(dim: int, out: tuple[int, ...]) -> dict[str, nn.Module]:
    """Up- and down-sampling of the one map of a plain ViT (ViTDet, Li et al., 2022)."""
    half, quarter = dim // 2, dim // 4
    return {
        "down_4": nn.Sequential(
            nn.ConvTranspose2d(dim, half, 2, stride=2), nn.GroupNorm(1, half), nn.GELU(),
            nn.ConvTranspose2d(half, quarter, 2, stride=2), nn.GroupNorm(1, quarter),
            nn.Conv2d(quarter, out[0], 1), nn.GroupNorm(1, out[0]), nn.GELU(),
        ),
        "down_8": nn.Sequential(
            nn.ConvTranspose2d(dim, half, 2, stride=2), nn.GroupNorm(1, half),
            nn.Conv2d(half, out[1], 1), nn.GroupNorm(1, out[1]), nn.GELU(),
        ),
        "down_16": nn.Sequential(nn.Conv2d(dim, out[2], 1), nn.GroupNorm(1, out[2]), nn.GELU()),
        "down_32": nn.Sequential(
            nn.Conv2d(dim, 2 * dim, 2, stride=2), nn.GroupNorm(1, 2 * dim),
            nn.Conv2d(2 * dim, out[3], 1), nn.GroupNorm(1, out[3]), nn.GELU(),
        ),
    }  # fmt: skip
