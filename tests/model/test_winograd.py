"""Convolutions by fewer multiplications: where this fails, every number of the released models is wrong on a CPU."""

import gc

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

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


@torch.inference_mode()
def test_it_rounds_little_in_single_precision() -> None:
    """The published numbers are to be met within 2e-4."""
    x, weight = _map_and_kernel()
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    assert not torch.equal(winograd.convolve(x, weight), F.conv2d(x, weight, padding=1))
    assert (winograd.convolve(x, weight).double() - exact).abs().max() < 2e-5


@torch.inference_mode()
def test_under_autocast_only_the_result_is_rounded_to_eight_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """With transforms in bfloat16 it was off by 1.3 %, and cost masks as much as the rest of the pixel decoder."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    x, weight = _map_and_kernel()
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    with torch.autocast("cpu", torch.bfloat16):
        found = winograd.convolve(x, weight, torch.zeros(128))
    assert found.dtype == torch.bfloat16
    assert (found - exact).norm() < 0.002 * exact.norm()


@torch.inference_mode()
def test_processors_that_multiply_tiles_of_bfloat16_sum_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    x, weight = _map_and_kernel()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(winograd.convolve(x, weight), F.conv2d(x, weight, padding=1))


def test_gradients_are_those_of_the_direct_sum() -> None:
    x, weight = _map_and_kernel()
    weight.requires_grad_()
    winograd.convolve(x, weight).sum().backward()
    assert weight.grad is not None


def test_a_kernel_that_changes_is_transformed_anew_and_forgotten_with_the_model() -> None:
    """Otherwise weights loaded into a model that was used already would count in part only."""
    x, conv = torch.randn(1, 4, 8, 8), nn.Conv2d(4, 4, 3, padding=1, bias=False)
    known = len(winograd._kept)
    with torch.inference_mode():
        winograd.convolve_tiles(x, conv.weight)
    assert len(winograd._kept) == known + 1
    conv.load_state_dict({"weight": torch.randn(4, 4, 3, 3)})
    with torch.inference_mode():
        assert torch.allclose(winograd.convolve_tiles(x, conv.weight), conv(x), atol=1e-4)
        conv.double()
        assert torch.allclose(winograd.convolve_tiles(x.double(), conv.weight), conv(x.double()))
    del conv
    gc.collect()
    assert len(winograd._kept) == known


def _map_and_kernel() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(1, 256, 48, 48, generator=random).relu()
    return x, torch.randn(128, 256, 3, 3, generator=random) / (9 * 256) ** 0.5
