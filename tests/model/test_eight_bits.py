"""The backbone in 8 bits: nearly the same maps, from parameters that stay as they are, with any number of threads."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from seem_video import SeemVideoError, load_model
from seem_video.model.eight_bits import _MOST_CASES, _Convolution, _to_levels, computes_eight_bits

needs_eight_bits = pytest.mark.skipif(
    not computes_eight_bits(torch.device("cpu")), reason="this processor is not one of x86 with AVX2"
)


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _maps(precision: str, images: torch.Tensor) -> list[torch.Tensor]:
    with torch.inference_mode():
        return load_model(device="cpu", precision=precision).backbone(images)


@needs_eight_bits
def test_maps_are_nearly_those_of_float32_and_the_same_with_any_number_of_threads(threads: None) -> None:
    smooth = np.random.default_rng(3).normal(size=(1, 3, 8, 12)).astype(np.float32)
    images = torch.nn.functional.interpolate(torch.from_numpy(smooth), size=(128, 192), mode="bicubic")
    images = images.contiguous(memory_format=torch.channels_last)
    torch.set_num_threads(1)
    full, eight = _maps("fp32", images), _maps("int8", images)
    for ours, theirs in zip(eight, full, strict=True):
        assert 0 < (ours - theirs).square().mean() < 0.02 * theirs.square().mean()
    torch.set_num_threads(3)
    deep = 2  # before it are convolutions in float32
    for ours, theirs in zip(_maps("int8", images)[deep:], eight[deep:], strict=True):
        assert (ours - theirs).square().mean() < 1e-3 * theirs.square().mean()


@needs_eight_bits
def test_weights_are_packed_for_each_size_of_map_but_not_kept_for_ever() -> None:
    """Weights in the order for another size are put in order at every call: with AVX-512 that took 3/5 of the time."""
    conv = torch.nn.Conv2d(24, 16, 1)
    eight = _Convolution(conv, 63, 128)
    with torch.inference_mode():
        for side in [*range(4, 24), 4]:
            x = torch.rand(1, 24, side, side).contiguous(memory_format=torch.channels_last) - 0.5
            error = eight(*_to_levels(x)) - conv(x)
            assert error.abs().max() < 0.05
            assert (1, 24, side, side, torch.get_num_threads()) in eight._packed
            assert len(eight._packed) <= _MOST_CASES


@needs_eight_bits
def test_parameters_stay_as_they_are() -> None:
    full, eight = (load_model(device="cpu", precision=name).state_dict() for name in ("fp32", "int8"))
    assert list(full) == list(eight)
    assert all(torch.equal(full[name], eight[name]) for name in full)


@pytest.mark.parametrize("values", [(-3.0, 1.0), (0.0, 0.5), (-0.2, 0.0), (0.0, 0.0), (-1e4, 3e4)])
def test_levels_are_within_half_a_step_and_none_runs_over(values: tuple[float, float]) -> None:
    x = torch.linspace(*values, 5 * 4 * 6).view(2, 5, 4, 3)
    levels, step = _to_levels(x)
    assert levels.dtype == torch.uint8
    back = (levels.float() - 128) * step
    assert (back - x).abs().max() <= 0.5001 * step
    assert step <= max(abs(value) for value in values) / 127 + 1e-30


def test_where_the_processor_cannot_it_is_refused_and_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    assert load_model(device="cpu").precision == torch.float32
    with pytest.raises(SeemVideoError, match="int8 is for seem-nano on a CPU of x86 with AVX2"):
        load_model(device="cpu", precision="int8")
