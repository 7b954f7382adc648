"""Feature pyramid with a transformer encoder on its coarsest level (SEEM's FPN pixel decoder, in a light form)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.config import PixelDecoderConfig
from seem_video.model.layers import Attention, FeedForward, sequence, sine_sequence


class EncoderLayer(nn.Module):
    """Post-norm self-attention over the coarsest level; the position joins queries and keys only."""

    def __init__(self, dim: int, heads: int, ffn_dim: int) -> None:
        super().__init__()
        self.self_attn = Attention(dim, heads)
        self.norm = nn.LayerNorm(dim)
        self.ffn = FeedForward(dim, ffn_dim)

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        attended = self.self_attn(x + position, self.self_attn.project_memory(x + position, x))
        return self.ffn(self.norm(x + attended))


class PixelDecoder(nn.Module):
    """Turns backbone features into three levels to attend and one map to dot masks with.

    Each finer level is the adapted backbone feature plus the up-sampled coarser level, smoothed by a depth-wise
    separable convolution (SEEM uses a full one, which is most of its cost).
    """

    def __init__(self, config: PixelDecoderConfig, channels: Sequence[int]) -> None:
        """Args: config; channels: of the backbone's maps at strides 4, 8, 16, 32."""
        super().__init__()
        dim = config.dim
        self.input_proj = nn.Conv2d(channels[3], dim, 1)
        self.encoder = nn.ModuleList(EncoderLayer(dim, config.heads, config.ffn_dim) for _ in range(config.layers))
        self.adapters = nn.ModuleList(_adapter(c, dim) for c in (channels[2], channels[1]))
        self.smooth = nn.ModuleList(_separable(dim, dim) for _ in range(3))
        self.mask_adapter = _adapter(channels[0], dim // 2)
        self.mask_lateral = nn.Conv2d(dim, dim // 2, 1)
        self.mask_features = _separable(dim // 2, config.mask_dim)

    def forward(self, maps: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Decode (B, C_i, h_i, w_i) backbone maps at strides 4, 8, 16, 32.

        Returns:
            levels: (B, dim, h, w) at strides 32, 16, 8; mask_features: (B, mask_dim, h, w) at stride 4.
        """
        levels = [self.smooth[0](encode_map(self.encoder, self.input_proj(maps[3])))]
        for adapter, smooth, finer in zip(self.adapters, self.smooth[1:], (maps[2], maps[1]), strict=True):
            levels.append(smooth(adapter(finer) + upsample(levels[-1], finer)))
        finest = self.mask_adapter(maps[0]) + upsample(self.mask_lateral(levels[-1]), maps[0])
        return levels, self.mask_features(finest)


def _adapter(channels: int, dim: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, dim, 1, bias=False), nn.GroupNorm(16, dim))


def _separable(dim: int, out: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(dim, dim, 3, padding=1, groups=dim, bias=False),
        nn.Conv2d(dim, out, 1, bias=False),
        nn.GroupNorm(16, out),
        nn.ReLU(),
    )


def encode_map(layers: Iterable[nn.Module], x: Tensor) -> Tensor:
    """Run encoder layers over the cells of a map (B, C, h, w), with their sine positions; the same shape comes out."""
    position, cells = sine_sequence(x), sequence(x)
    for layer in layers:
        cells = layer(cells, position)
    return cells.transpose(1, 2).unflatten(2, x.shape[-2:])


def upsample(x: Tensor, like: Tensor) -> Tensor:
    """Nearest-neighbour resize of (B, C, h, w) to the height and width of `like`."""
    return F.interpolate(x, size=like.shape[-2:], mode="nearest")
