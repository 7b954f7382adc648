"""Convolutions by fewer multiplications: where this fails, every number of the released models is wrong on a CPU."""

import pytest
import torch
import torch.nn.functional as F

from seem_video.model import winograd


@pytest.mark.parametrize(("height", "width"), [(8, 12), (64, 65), (3, 2), (130, 33)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_it_is_a_convolution_up_to_rounding(height: int, width: int, layout: torch.memory_format) -> None:
    """In double precision the difference is rounding alone, so a slip in any matrix or edge would show."""
    random = torch.Generator().manual_seed(height)
    x = torch.randn(2, 5, height, width, generator=random, dtype=torch.float64).contiguous(memory_format=layout)
    weight = torch.randn(7, 5, 3, 3, generator=random, dtype=torch.float64)
    bias = torch.randn(7, generator=random, dtype=torch.float64)
    expected = F.conv2d(x, weight, bias, padding=1)
    assert (winograd.convolve_tiles(x, weight, bias) - expected).abs().max() < 1e-12


def test_it_rounds_little_in_single_precision() -> None:
    """The published numbers are to be met within 2e-4."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(1, 256, 64, 64, generator=random).relu()
    weight = torch.randn(128, 256, 3, 3, generator=random) / (9 * 256) ** 0.5
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    assert (winograd.convolve(x, weight).double() - exact).abs().max() < 2e-5


def test_in_half_precision_it_stays_within_what_eight_bits_can_say() -> None:
    """The rest of a network in bfloat16 is off by as much: 1.3 % for Focal-T's mask features."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(1, 256, 64, 64, generator=random).relu()
    weight = torch.randn(128, 256, 3, 3, generator=random) / (9 * 256) ** 0.5
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    with torch.autocast("cpu", torch.bfloat16):
        found = winograd.convolve(x, weight, torch.zeros(128))
    assert found.dtype == torch.bfloat16
    assert (found - exact).norm() < 0.02 * exact.norm()
