"""DaViT (Ding et al., 2022): attention over windows of positions, then over channels, built from timm's blocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

HEAD_DIM = 32
WINDOW = 7


@dataclass(frozen=True)
class DaViTConfig:
    """Channels and depths (pairs of blocks) of the four stages."""

    dims: tuple[int, ...]
    depths: tuple[int, ...]


class DaViT(nn.Module):
    """Images (B, 3, H, W) to maps (B, dims[i], h, w) at strides 4, 8, 16, 32; H and W are multiples of 32."""

    def __init__(self, config: DaViTConfig) -> None:
        from timm.layers import LayerNorm2d
        from timm.models.davit import Downsample, Stem

        super().__init__()
        self.channels = list(config.dims)
        norm: Any = partial(LayerNorm2d, eps=1e-5)  # timm's own is smaller
        self.convs = nn.ModuleList([Stem(3, config.dims[0], norm_layer=norm)])
        for before, after in zip(config.dims[:-1], config.dims[1:], strict=True):
            self.convs.append(Downsample(before, after, kernel_size=2, norm_layer=norm))
        self.blocks = nn.ModuleList(
            nn.Sequential(*(_pair(dim) for _ in range(depth)))
            for dim, depth in zip(config.dims, config.depths, strict=True)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        x, maps = images, []
        for conv, blocks in zip(self.convs, self.blocks, strict=True):
            x = blocks(conv(x))
            maps.append(x)
        return maps


def _pair(dim: int) -> nn.Sequential:
    from timm.models.davit import ChannelBlock, SpatialBlock

    heads = dim // HEAD_DIM
    return nn.Sequential(SpatialBlock(dim, heads, window_size=WINDOW), ChannelBlock(dim, heads, qkv_bias=True, v2=True))
