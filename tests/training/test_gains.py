"""Folded convolutions learn at one rate, and leave training as they came."""

import torch
from torch import nn

from seem_video.training.gains import balance, unbalance


def _uneven() -> nn.Conv2d:
    """A convolution whose channels differ in size by a factor of thirty, one of them being dead."""
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 8, 3)
    with torch.no_grad():
        layer.weight *= torch.logspace(-1.5, 0, 8).view(8, 1, 1, 1)
        layer.weight[7] = 0
    return layer


def test_balancing_changes_neither_the_output_nor_what_is_saved() -> None:
    body, image = nn.Sequential(_uneven()), torch.rand(1, 3, 8, 8)
    names, before = list(body.state_dict()), body(image)
    balance(body)
    torch.testing.assert_close(body(image), before)
    unbalance(body)
    torch.testing.assert_close(body(image), before)
    assert sorted(body.state_dict()) == sorted(names)


def test_a_step_of_the_optimiser_changes_large_and_small_channels_alike() -> None:
    layer = _uneven()
    before = layer.weight.detach().clone()
    balance(layer)
    optimizer = torch.optim.Adam(layer.parameters(), lr=1e-2)
    layer(torch.rand(1, 3, 8, 8)).square().sum().backward()
    optimizer.step()
    unbalance(layer)
    change = (layer.weight.detach() - before).flatten(1).norm(dim=1)[:7] / before.flatten(1).norm(dim=1)[:7]
    assert change.max() < 1.5 * change.min()
