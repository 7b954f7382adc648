"""3 x 3 convolutions by minimal filtering (Winograd; Lavin and Gray, 2016): a quarter of the multiplications.

In one dimension, four outputs y of a filter w with three taps on six inputs x are y = A [(G w) * (B x)]: polynomials
are multiplied by their values at five points and at infinity (Toom and Cook). In two dimensions each matrix acts on
rows and on columns. The result is that of the direct sum up to rounding.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from seem_video.model.precision import multiplies_bfloat16_tiles

TILE = 4
"""Outputs of a tile along each axis; with three taps it reads `TILE + 2` inputs."""
POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)
"""Of the sets tried, the one that rounds least: with 512 channels, 6 times the largest error of the direct sum."""
LEAST_CHANNELS = 128
LEAST_PIXELS = 1024
"""Of a smaller map the direct sum is as fast."""
_TILES_AT_ONCE = 256  # 19 MB of transformed inputs at 512 channels


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.conv2d` with the padding that keeps the size; by minimal filtering where that is faster.

    That is on a CPU, without gradients, for 3 x 3 kernels (O, C, 3, 3) and large maps (B, C, h, w) of many channels;
    GPU libraries choose for themselves. Under autocast the result is of its dtype, but filtering is done in float32: in
    bfloat16 its rounding errors are five times those of the direct sum.
    """
    if not _pays(x, weight):
        return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
    precision = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    with torch.autocast("cpu", enabled=False):
        return convolve_tiles(x.float(), weight, bias).to(precision)


def _pays(x: Tensor, weight: Tensor) -> bool:
    return (
        x.device.type == "cpu"
        and not torch.is_grad_enabled()
        and weight.dtype == torch.float32
        and weight.shape[-2:] == (3, 3)
        and min(weight.shape[:2]) >= LEAST_CHANNELS
        and x.shape[-2] * x.shape[-1] >= LEAST_PIXELS
        and not (torch.is_autocast_enabled("cpu") and multiplies_bfloat16_tiles())
    )


def convolve_tiles(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolve (B, C, h, w) with (O, C, 3, 3), zeros around it, to (B, O, h, w) with the channels last in memory."""
    outputs, inputs, _ = (torch.from_numpy(matrix).to(x) for matrix in _matrices())
    count, channels, height, width = x.shape
    rows, columns = -(-height // TILE), -(-width // TILE)
    kernels = _kernels(weight)
    result = x.new_empty(count, rows, TILE, columns, TILE, len(weight))
    band = max(_TILES_AT_ONCE // columns, 1)
    for start in range(0, rows, band):
        some = _cut(x, start * TILE - 1, min(start + band, rows) * TILE + 1, columns * TILE + 2)
        patches = some.unfold(2, TILE + 2, TILE).unfold(3, TILE + 2, TILE)  # (B, C, band, columns, 6, 6)
        seen = inputs @ patches.permute(4, 5, 0, 2, 3, 1).reshape(len(inputs), -1)
        mixed = seen.view(len(inputs), -1, channels) @ kernels
        tiles = (outputs @ mixed.flatten(1)).view(TILE, TILE, count, -1, columns, len(weight))
        if bias is not None:
            tiles += bias
        result[:, start : start + band] = tiles.permute(2, 3, 0, 4, 1, 5)
    return result.flatten(1, 2).flatten(2, 3)[:, :height, :width].permute(0, 3, 1, 2)


def _cut(x: Tensor, top: int, bottom: int, width: int) -> Tensor:
    """Rows `top` to `bottom` of a map and `width` columns, from the one before its first on; zeros beyond it."""
    height, right = x.shape[2], width - 1 - x.shape[3]
    return F.pad(x[:, :, max(top, 0) : bottom], (1, right, max(-top, 0), max(bottom - height, 0)))


_kept: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def _kernels(weight: Tensor) -> Tensor:
    """(36, C, O) of a kernel (O, C, 3, 3): G w for rows and columns; kept while the weight is there and as it was.

    For 512 channels it takes as long as an eighth of the convolution of a map of 128 x 224.
    """
    if weight.is_inference():  # does not say when it changes
        return _transform(weight)
    state, (known, kernels) = (weight.data_ptr(), weight._version), _kept.get(weight, (None, None))
    if kernels is None or known != state:
        kernels = _transform(weight.detach())
        _kept[weight] = (state, kernels)
    return kernels


def _transform(weight: Tensor) -> Tensor:
    filters = torch.from_numpy(_matrices()[2]).to(weight)
    return (filters @ weight.permute(2, 3, 1, 0).reshape(9, -1)).view(-1, weight.shape[1], len(weight))


@cache
def _matrices() -> tuple[npt.NDArray[np.float64], ...]:
    """A (16, 36), B (36, 36) and G (36, 9): of one dimension, for rows and columns at once."""
    taps, size = 3, TILE + 2
    scale = [np.prod([p - q for q in POINTS if q != p]) for p in POINTS]
    evaluate = np.vander(POINTS, size, increasing=True)
    g = np.vstack([evaluate[:, :taps] / np.array(scale)[:, None], np.eye(taps)[-1]])
    a = np.vstack([evaluate[:, :TILE], np.eye(TILE)[-1]]).T
    others = [np.poly([q for q in POINTS if q != p])[::-1] for p in POINTS]
    b = np.vstack([np.pad(others, ((0, 0), (0, 1))), np.poly(POINTS)[::-1]])
    return np.kron(a, a), np.kron(b, b), np.kron(g, g)
