"""Convolutions with folded batch norms have channels of very different sizes; here one learning rate fits them all."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

SMALLEST = 0.05
"""Least gain of a channel, as a share of its layer's mean: dead channels stay nearly dead."""


class Gain(nn.Module):
    """A weight as fixed gains, one an output channel, times what is learned."""

    gain: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        size = weight.flatten(1).norm(dim=1)  # 1 for every channel is what an untrained layer would have
        gain = size.clamp(min=SMALLEST * float(size.mean()))
        self.register_buffer("gain", gain.view(-1, *[1] * (weight.dim() - 1)))

    def forward(self, learned: Tensor) -> Tensor:
        return learned * self.gain

    def right_inverse(self, weight: Tensor) -> Tensor:
        return weight / self.gain


@torch.no_grad()
def balance(module: nn.Module) -> None:
    """Let the convolutions below `module` learn weights of unit size, so that an optimiser's step changes all alike."""
    for layer in list(module.modules()):
        if isinstance(layer, nn.Conv2d):
            parametrize.register_parametrization(layer, "weight", Gain(layer.weight))


def unbalance(module: nn.Module) -> None:
    """Make the weights plain parameters again, with the values they have."""
    for layer in list(module.modules()):
        if parametrize.is_parametrized(layer):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
