"""Convolutions in one pass with what follows: the sums of the plain operators, with gradients and without."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from seem_video.model.convolution import ActivatedConv, Activation, convolve_into

EXPECTED = {"none": lambda y: y, "gelu": F.gelu}


@pytest.mark.parametrize("activation", EXPECTED)
@pytest.mark.parametrize(("size", "stride", "groups"), [(3, 1, 1), (5, 2, 16), (1, 1, 1)])
def test_one_pass_gives_what_the_plain_operators_give(
    activation: Activation, size: int, stride: int, groups: int
) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(16, 16, size, stride, size // 2, groups=groups)
    x = 9 * torch.randn(2, 16, 9, 13)
    expected = EXPECTED[activation](conv(x)).detach()
    assert torch.allclose(convolve_into(conv, x, activation), expected, atol=1e-4)
    with torch.inference_mode():
        assert torch.allclose(convolve_into(conv, x, activation), expected, atol=1e-4)
        assert torch.allclose(ActivatedConv.of(conv, activation)(x), expected, atol=1e-4)


def test_another_map_is_added_and_left_as_it_is() -> None:
    torch.manual_seed(0)
    conv, x, other = nn.Conv2d(8, 8, 3, padding=1), torch.randn(2, 8, 6, 7), torch.randn(2, 8, 6, 7)
    before = other.clone()
    with torch.inference_mode():
        assert torch.allclose(convolve_into(conv, x, plus=other), conv(x) + before, atol=1e-5)
    assert torch.equal(other, before)


def test_an_activated_convolution_learns_and_keeps_its_parameter_names() -> None:
    conv = nn.Conv2d(4, 4, 3)
    activated = ActivatedConv.of(conv, "gelu")
    activated(torch.randn(1, 4, 5, 5)).sum().backward()
    assert activated.state_dict().keys() == conv.state_dict().keys()
    assert conv.weight.grad is not None
