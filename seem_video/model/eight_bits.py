"""Convolutions of the backbone in 8 bits: on a CPU half to two thirds of the time, for nearly the same maps.

A value is a whole number of steps, in the first seven or eight bits; a weight of each output channel of steps of its
own. Older processors add products in pairs of 16 bits, so steps are such that no pair can be too large. Sums are whole
numbers, the same in any order; but with AVX-512 how they are scaled depends on the number of threads, in the last digit
of float32, and then a value here and there is a step more or less.

oneDNN convolves so; PyTorch has operators for that, which its compiler uses.
"""

from __future__ import annotations

from typing import Any

import cv2
import torch
from torch import Tensor, nn

from seem_video.model.backbone.efficientnet_lite import InvertedResidual

_ZERO = 128
"""What stands for 0 in a map of either sign."""
_CEILING = 6.0  # of ReLU6
_ALL, _HALF = 255, 127
"""Steps from 0 to the ceiling, in eight and in seven bits."""
_PAIRED, _ALONE = 63, 127
"""Largest weight, in steps: where the sum of two products with eight bits must fit into 16, and elsewhere."""
_MOST_CASES = 8
"""Of map sizes and numbers of threads for which packed weights are kept."""


def computes_eight_bits(device: torch.device) -> bool:
    """Whether this is a CPU that is faster in 8 bits: one of x86 with AVX2, and a PyTorch that has the operators."""
    return (
        device.type == "cpu"
        and torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.onednn, "qconv2d_pointwise")
    )


def use_eight_bits(backbone: nn.Module) -> None:
    """Let the inverted residual blocks of EfficientNet-Lite compute in 8 bits from now on, with the weights of now.

    Parameters stay as they are.
    """
    for block in backbone.modules():
        if isinstance(block, InvertedResidual):
            block.forward = _Block(block)  # type: ignore[method-assign]


class _Block:
    """An inverted residual block; the map that goes through the network (B, C, h, w) stays in float32."""

    def __init__(self, block: InvertedResidual) -> None:
        self._widen = _Convolution(block.conv_pw, _PAIRED, _ZERO)
        self._by_channel = _Convolution(block.conv_dw, _ALONE, 0)
        self._narrow = _Convolution(block.conv_pwl, _ALONE, 0)
        self._is_added = block.is_added

    def __call__(self, x: Tensor) -> Tensor:
        levels, step = _to_levels(x)
        y = self._widen(levels, step, _ALL)
        y = self._by_channel(y, _CEILING / _ALL, _HALF)
        y = self._narrow(y, _CEILING / _HALF)
        return y.add_(x) if self._is_added else y


class _Convolution:
    """A convolution of maps in 8 bits, to ReLU6 in 8 bits or to float32."""

    def __init__(self, conv: nn.Conv2d, largest: int, zero: int) -> None:
        """Args: largest: its largest weight, in steps. zero: what stands for 0 in its input."""
        weight = conv.weight.detach()
        self._steps = (weight.abs().amax((1, 2, 3)) / largest).clamp(min=torch.finfo(weight.dtype).tiny)
        levels = (weight / self._steps[:, None, None, None]).round().to(torch.int8)
        self._zeros = torch.zeros(len(weight), dtype=torch.int32)
        self._bias, self._zero = None if conv.bias is None else conv.bias.detach(), zero
        self._shape = (conv.stride, conv.padding, conv.dilation, conv.groups)
        self._levels, self._packed = levels, dict[tuple[int, ...], Tensor]()

    def __call__(self, x: Tensor, step: float, up_to: int = 0) -> Tensor:
        """Convolve (B, C, h, w) uint8, whose steps are `step`: to uint8, `up_to` being the ceiling, or to float32."""
        out: tuple[Any, ...] = (1.0, 0, torch.float32, "none", [], "")
        if up_to:
            out = (_CEILING / up_to, 0, torch.uint8, "hardtanh", [0.0, _CEILING], "")
        weight = (self._pack_for(x), self._steps, self._zeros)
        return torch.ops.onednn.qconv2d_pointwise(x, step, self._zero, *weight, self._bias, *self._shape, *out)

    def _pack_for(self, x: Tensor) -> Tensor:
        """The weights in the order in which oneDNN reads them, which else it would make anew at every call.

        It depends on the map's size and on the number of threads.
        """
        case = (*x.shape, torch.get_num_threads())
        packed = self._packed.get(case)
        if packed is None:
            packed = torch.ops.onednn.qconv_prepack(
                self._levels, self._steps, 1.0, self._zero, *self._shape, list(x.shape)
            )
            if len(self._packed) == _MOST_CASES:
                self._packed.clear()
            self._packed[case] = packed
        return packed


def _to_levels(x: Tensor) -> tuple[Tensor, float]:
    """A map (B, C, h, w) as uint8 around `_ZERO`, and its step: as small as its largest and smallest value allow."""
    batch, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(-1, channels)
    low, high = (float(value) for value in rows.aminmax())  # of x, whose channels are last, it would make a copy
    step = max(high / (_ALL - _ZERO), -low / _ZERO, torch.finfo(x.dtype).tiny)
    levels = torch.from_numpy(cv2.convertScaleAbs(rows.numpy(), alpha=1 / step, beta=_ZERO))
    return levels.view(batch, height, width, channels).permute(0, 3, 1, 2), step
