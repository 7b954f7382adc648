"""Convolutions that do what comes after them while their results are still in the processor's cache.

On a CPU much of the time of depth-wise convolutions and of GELU goes into moving maps through memory. oneDNN applies an
activation, or adds another map, as it writes a convolution's result; PyTorch's compiler uses it so, and has an operator
for that.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Activation = Literal["none", "gelu"]

_AVAILABLE = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


def convolve_into(conv: nn.Conv2d, x: Tensor, activation: Activation = "none", *, plus: Tensor | None = None) -> Tensor:
    """`activation(conv(x) + plus)`; in one pass where that can be: on a CPU, of a float32 map, without gradients.

    Autocast leaves the one pass in float32, as depth-wise convolutions are slower in half the bits.

    Args:
        conv: with zero padding. x: (B, C, h, w).
        plus: like the result, or None for nothing; with "none" only.
    """
    if not _one_pass(x):
        y = F.conv2d(x, conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups)
        y = y if plus is None else y + plus
        return F.gelu(y) if activation == "gelu" else y
    shape = (conv.padding, conv.stride, conv.dilation, conv.groups)
    operator = torch.ops.mkldnn._convolution_pointwise
    x = x.contiguous(memory_format=torch.channels_last)
    if plus is None:
        return operator(x, conv.weight, conv.bias, *shape, activation, [], "none")
    plus = plus.contiguous(memory_format=torch.channels_last)
    return operator.binary(x, plus, conv.weight, conv.bias, *shape, "add", 1.0, None, [], None)


class ActivatedConv(nn.Conv2d):
    """A convolution and its activation, under the convolution's parameter names."""

    activation: Activation = "none"

    @classmethod
    def of(cls, conv: nn.Conv2d, activation: Activation) -> ActivatedConv:
        """The same convolution, its parameters shared, with an activation."""
        shape = (conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups)
        made = cls(conv.in_channels, conv.out_channels, *shape, device="meta")  # type: ignore[arg-type]
        made.weight, made.bias, made.activation = conv.weight, conv.bias, activation
        return made

    def forward(self, x: Tensor) -> Tensor:
        return convolve_into(self, x, self.activation)


def _one_pass(x: Tensor) -> bool:
    return _AVAILABLE and x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_grad_enabled()
