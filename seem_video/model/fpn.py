"""The released pixel decoders' first kind: a feature pyramid with a transformer encoder on its coarsest level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.layers import NormedConv
from seem_video.model.pixel_decoder import EncoderLayer, encode_map, upsample
from seem_video.model.winograd import convolve


@dataclass(frozen=True)
class PyramidConfig:
    """Shape of a released pixel decoder: channels of the levels, encoder layers, heads, hidden units."""

    dim: int
    layers: int
    heads: int
    ffn_dim: int


class TransformerPyramid(nn.Module):
    """Turns backbone maps into three levels to attend and the map that masks are dotted with.

    Compared with the compact model's `PixelDecoder` every smoothing is a full convolution, and the finest level has as
    many channels as the others.
    """

    def __init__(self, config: PyramidConfig, channels: Sequence[int]) -> None:
        """Args: config; channels: of the backbone's maps at strides 4, 8, 16, 32."""
        super().__init__()
        dim = config.dim
        self.input_proj = nn.Conv2d(channels[3], dim, 1)
        self.encoder = nn.ModuleList(EncoderLayer(dim, config.heads, config.ffn_dim) for _ in range(config.layers))
        self.adapters = nn.ModuleList(NormedConv(c, dim, 1) for c in channels[:3])
        self.smooth = nn.ModuleList(NormedConv(dim, dim, 3) for _ in range(4))
        self.mask_features = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, maps: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Decode (B, C_i, h_i, w_i) maps at strides 4, 8, 16, 32.

        Returns:
            levels: (B, dim, h, w) at strides 32, 16, 8; mask_features: (B, dim, h, w) at stride 4.
        """
        x = F.relu(self.smooth[3](encode_map(self.encoder, self.input_proj(maps[3]))), inplace=True)
        levels = [x]
        for i in (2, 1, 0):
            x = F.relu(self.smooth[i](upsample(x, maps[i]).add_(self.adapters[i](maps[i]))), inplace=True)
            levels.append(x)
        return levels[:3], convolve(levels[3], self.mask_features.weight, self.mask_features.bias)
