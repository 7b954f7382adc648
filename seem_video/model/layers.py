"""The small layers that every part of the model shares."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.winograd import convolve


@lru_cache(maxsize=32)
@torch.inference_mode(mode=False)
def sine_position(height: int, width: int, dim: int, *, device: torch.device) -> Tensor:
    """Sine position map of DETR and SEEM, normalised to the map's own size; kept, since every frame asks for the same.

    Returns:
        (dim, height, width) float32; the first half of the channels encodes y, the second x.
    """
    per_axis = dim // 2
    index = torch.arange(per_axis, device=device)
    divisor = 10000.0 ** (2 * torch.div(index, 2, rounding_mode="floor") / per_axis)

    def encode(length: int) -> Tensor:
        position = torch.arange(1, length + 1, device=device) / (length + 1e-6) * (2 * math.pi)
        angle = position[:, None] / divisor
        return torch.where(index % 2 == 0, angle.sin(), angle.cos()).T  # (per_axis, length)

    rows = encode(height)[:, :, None].expand(-1, -1, width)
    columns = encode(width)[:, None, :].expand(-1, height, -1)
    return torch.cat([rows, columns])


def sequence(x: Tensor) -> Tensor:
    """The cells of a map (B, C, h, w) in reading order, (B, h * w, C)."""
    return x.flatten(2).transpose(1, 2)


def sine_map(x: Tensor) -> Tensor:
    """(1, C, h, w) sine positions of the cells of a map (B, C, h, w)."""
    channels, height, width = x.shape[1:]
    return sine_position(height, width, channels, device=x.device).to(x.dtype)[None]


def sine_sequence(x: Tensor) -> Tensor:
    """The same in reading order, (h * w, C)."""
    return sequence(sine_map(x))[0]


class Attention(nn.Module):
    """Multi-head attention over (N, L, C) sequences, with projections named as in `torch.nn.MultiheadAttention`."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def project_memory(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Project what is attended: (N, S, C) twice to keys and values of shape (N, heads, S, C / heads)."""
        _, key_weight, value_weight = self.in_proj_weight.chunk(3)
        _, key_bias, value_bias = self.in_proj_bias.chunk(3)
        return self._split(F.linear(key, key_weight, key_bias)), self._split(F.linear(value, value_weight, value_bias))

    def forward(self, query: Tensor, memory: tuple[Tensor, Tensor], allowed: Tensor | None = None) -> Tensor:
        """Attend.

        Args:
            query: (N, L, C).
            memory: what `project_memory` returned, N objects; it is attended to in its dtype.
            allowed: bool, broadcastable to (N, heads, L, S), True where attention may go; None for everywhere.

        Returns:
            (N, L, C)
        """
        dim = query.shape[-1]
        q = self._split(F.linear(query, self.in_proj_weight[:dim], self.in_proj_bias[:dim]))
        out = F.scaled_dot_product_attention(q.to(memory[0].dtype), *memory, attn_mask=allowed).to(q.dtype)
        return self.out_proj(out.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class FeedForward(nn.Module):
    """Two linear layers with a ReLU, added to the input and normalised (post-norm)."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(dim, hidden)
        self.linear2 = nn.Linear(hidden, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x + self.linear2(F.relu(self.linear1(x))))


class MLP(nn.Sequential):
    """Linear layers with ReLU between them: `MLP(dim, hidden, ..., out)`."""

    def __init__(self, *dims: int) -> None:
        layers: list[nn.Module] = []
        for before, after in pairwise(dims):
            layers += [nn.Linear(before, after), nn.ReLU()]
        super().__init__(*layers[:-1])


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(relu(x)))), 3x3, starting as the identity."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(dim, dim, 3, padding=1)
        self.conv2 = nn.Conv2d(dim, dim, 3, padding=1)
        for parameter in self.conv2.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class NormedConv(nn.Conv2d):
    """A convolution of one stride without bias, then a group norm of 32 groups."""

    def __init__(self, channels: int, out: int, size: int) -> None:
        super().__init__(channels, out, size, padding=size // 2, bias=False)
        self.norm = nn.GroupNorm(32, out)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(convolve(x, self.weight))


def resize_to(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear resize of (N, C, h, w) to the height and width of `like`."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def of_each_object(x: Tensor, owner: Tensor) -> Tensor:
    """What belongs to the frames (B, ...) for each of N objects, (N, ...); without a copy while there is one frame."""
    return x.expand(len(owner), *x.shape[1:]) if len(x) == 1 else x[owner]
