"""FocalNet (Yang et al., 2022) as SEEM's released weights have it: with extra depth-wise convolutions, and without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.convolution import ActivatedConv, convolve_into

HIDDEN_AT_ONCE = 1 << 20
"""So many hidden values of the linear layers a CPU holds at a time: few enough to stay in its cache."""


@dataclass(frozen=True)
class FocalConfig:
    """Shape of a FocalNet.

    Attributes:
        dims, depths: channels and blocks of the four stages.
        kernels: sizes of the context convolutions, finest first.
        depthwise: the form of Focal-T: a 3 x 3 depth-wise convolution before each half of a block, and each half
            normalised after its residual sum. Without, the form of Focal-L: each half normalised before it is added.
    """

    dims: tuple[int, ...]
    depths: tuple[int, ...]
    kernels: tuple[int, ...]
    depthwise: bool


class FocalNet(nn.Module):
    """Images (B, 3, H, W) to maps (B, dims[i], h, w) at strides 4, 8, 16, 32; H and W are multiples of 32."""

    def __init__(self, config: FocalConfig) -> None:
        super().__init__()
        self.channels = list(config.dims)
        stem = nn.Conv2d(3, config.dims[0], 7, stride=4, padding=3 if config.depthwise else 2)
        self.patch_embed = _Embed(stem)
        self.layers = nn.ModuleList()
        for i, dim in enumerate(config.dims):
            self.layers.append(FocalStage(config, i))
            self.add_module(f"norm{i}", nn.LayerNorm(dim))

    def forward(self, images: Tensor) -> list[Tensor]:
        x = self.patch_embed(images)
        maps = []
        for i, stage in enumerate(self.layers):
            out, x = stage(x)
            maps.append(_to_map(self.get_submodule(f"norm{i}")(out)))
        return maps


class FocalStage(nn.Module):
    """Blocks at one stride, then the step down to the next; (B, h, w, C) to its own output and the next one's input."""

    def __init__(self, config: FocalConfig, i: int) -> None:
        super().__init__()
        dim = config.dims[i]
        blocks = (FocalBlock(dim, config.kernels, config.depthwise) for _ in range(config.depths[i]))
        self.blocks = nn.Sequential(*blocks)
        self.downsample: _Embed | None = None
        if i + 1 < len(config.dims):
            self.downsample = _Embed(nn.Conv2d(dim, config.dims[i + 1], 3, stride=2, padding=1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.blocks(x)
        return x, x if self.downsample is None else self.downsample(_to_map(x))


class FocalBlock(nn.Module):
    """Focal modulation, then two linear layers, on (B, h, w, C)."""

    def __init__(self, dim: int, kernels: Sequence[int], depthwise: bool) -> None:
        super().__init__()
        self.depthwise = depthwise
        if depthwise:
            self.dw1 = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
            self.dw2 = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.norm1 = nn.LayerNorm(dim)
        self.modulation = FocalModulation(dim, kernels)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = _Mlp(dim, 4 * dim)
        self.gamma_1 = nn.Parameter(torch.ones(dim))
        self.gamma_2 = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        if self.depthwise:
            x = _add_convolved(x, self.dw1)
            x = self.norm1(torch.addcmul(x, self.gamma_1, self.modulation(x)))
            x = _add_convolved(x, self.dw2)
            return self.norm2(torch.addcmul(x, self.gamma_2, self.mlp(x)))
        x = torch.addcmul(x, self.gamma_1, self.norm1(self.modulation(x)))
        return torch.addcmul(x, self.gamma_2, self.norm2(self.mlp(x)))


class FocalModulation(nn.Module):
    """Each position's query times a gated sum of contexts of growing size, the last one the whole map's (eq. 5, 6)."""

    def __init__(self, dim: int, kernels: Sequence[int]) -> None:
        super().__init__()
        self.sizes = (dim, dim, len(kernels) + 1)
        self.f = nn.Linear(dim, sum(self.sizes))
        self.h = nn.Conv2d(dim, dim, 1)
        self.proj = nn.Linear(dim, dim)
        convolutions = (nn.Conv2d(dim, dim, k, padding=k // 2, groups=dim, bias=False) for k in kernels)
        self.focal_layers = nn.ModuleList(nn.Sequential(ActivatedConv.of(conv, "gelu")) for conv in convolutions)

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, C) to the same shape."""
        # each part by itself, so that none has to be copied out of the whole
        parts = zip(self.f.weight.split(self.sizes), self.f.bias.split(self.sizes), strict=True)
        query, context, gates = (F.linear(x, weight, bias) for weight, bias in parts)
        context, gates = _to_map(context.to(x.dtype)), _to_map((gates / gates.shape[-1]).to(x.dtype))
        gated = context.new_zeros(())
        for level, layer in enumerate(self.focal_layers):
            context = layer(context)
            gated = torch.addcmul(gated, context, gates[:, level : level + 1])
        total = torch.addcmul(gated, F.gelu(context.mean((2, 3), keepdim=True)), gates[:, -1:])
        return self.proj(query * F.linear(_to_sequence(total), self.h.weight.flatten(1), self.h.bias))


class _Embed(nn.Module):
    """A strided convolution, then a LayerNorm: (B, C, H, W) to (B, h, w, C')."""

    def __init__(self, proj: nn.Conv2d) -> None:
        super().__init__()
        self.proj = proj
        self.norm = nn.LayerNorm(proj.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(_to_sequence(self.proj(x)))


class _Mlp(nn.Module):
    """Two linear layers with a GELU, on (..., C)."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":
            return self.fc2(F.gelu(self.fc1(x)))
        some = x.flatten(0, -2).split(max(HIDDEN_AT_ONCE // self.fc1.out_features, 1))
        return torch.cat([self.fc2(F.gelu(self.fc1(rows))) for rows in some]).view_as(x)


def _add_convolved(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """`x + conv(x)` of a sequence (B, h, w, C)."""
    x = _to_map(x)
    return _to_sequence(convolve_into(conv, x, plus=x))


def _to_map(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def _to_sequence(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)
