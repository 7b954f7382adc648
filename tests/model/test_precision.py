"""Half precision: faster, and nearly the same masks."""

from pathlib import Path

import numpy as np
import pytest
import torch

from seem_video import Click, load_model, open_session
from seem_video.model.precision import has_bfloat16


def _masks(clip: Path, precision: str) -> np.ndarray:
    with open_session(clip, load_model(device="cpu", precision=precision), stop=6) as session:
        session.add(Click(20, 30))
        return np.stack([result.masks[0] for result in session.propagate()])


def test_the_embedded_model_finds_nearly_the_same_masks_in_half_the_bits(clip: Path) -> None:
    full, half = _masks(clip, "fp32"), _masks(clip, "bf16")
    assert full.any()
    assert (full & half).sum() > 0.97 * (full | half).sum()


@pytest.mark.parametrize("able", [True, False])
def test_left_alone_it_takes_the_precision_that_the_processor_is_fast_at(
    monkeypatch: pytest.MonkeyPatch, able: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": able}, raising=False)
    assert has_bfloat16(torch.device("cpu")) == able
    assert not has_bfloat16(torch.device("meta"))
    assert load_model(device="cpu").precision == (torch.bfloat16 if able else torch.float32)
