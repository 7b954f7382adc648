"""Fewer bits: faster, and nearly the same masks."""

from pathlib import Path

import numpy as np
import pytest
import torch

from seem_video import Click, load_model, open_session
from seem_video.model.eight_bits import computes_eight_bits


def _masks(clip: Path, precision: str) -> np.ndarray:
    with open_session(clip, load_model(device="cpu", precision=precision), stop=6) as session:
        session.add(Click(20, 30))
        return np.stack([result.masks[0] for result in session.propagate()])


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_the_embedded_model_finds_nearly_the_same_masks_in_fewer_bits(clip: Path, precision: str) -> None:
    if precision == "int8" and not computes_eight_bits(torch.device("cpu")):
        pytest.skip("this processor is not one of x86 with AVX2")
    full, fewer = _masks(clip, "fp32"), _masks(clip, precision)
    assert full.any()
    assert (full & fewer).sum() > 0.97 * (full | fewer).sum()


def test_left_alone_it_takes_the_precision_that_the_processor_is_fast_at() -> None:
    fast = torch.int8 if computes_eight_bits(torch.device("cpu")) else torch.float32
    assert load_model(device="cpu").precision == fast
