"""Windows change no mask, and each head has its own frames."""

from pathlib import Path

import numpy as np
import pytest
import torch

from seem_video import load_model, open_session
from seem_video.model.seem import SEEM
from seem_video.prompts import Box, MaskPrompt, Prompt


def _masks(clip: Path) -> np.ndarray:
    with open_session(clip, load_model(device="cpu"), stop=4) as session:
        for object_id, left in enumerate((4, 36, 66), start=1):
            mask = np.zeros((64, 96), bool)
            mask[20:50, left : left + 26] = True
            session.add(MaskPrompt(mask), object_id=object_id)
        return np.stack([result.masks for result in session.propagate()])


def test_windows_of_their_own_change_no_mask(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    windowed = _masks(clip)
    monkeypatch.setattr("seem_video.tracking.pixel_memory.windows_of", lambda masks: None)
    assert windowed.any(axis=(0, 2, 3)).all()
    assert (windowed != _masks(clip)).mean() < 1e-3


def _first_two(clip: Path, model: SEEM, prompt: Prompt) -> np.ndarray:
    with open_session(clip, model, stop=2) as session:
        session.add(prompt)
        return np.stack([result.masks[0] for result in session.propagate()])


def test_one_head_segments_what_is_prompted_and_the_other_carries_it_on(clip: Path, model: SEEM) -> None:
    mask = np.zeros((64, 96), bool)
    mask[20:50, 10:40] = True
    other, seeded = load_model(device="cpu"), torch.Generator().manual_seed(0)
    torch.nn.init.zeros_(other.prompting.object_pixels.refine4.conv2.weight)
    torch.nn.init.normal_(other.prompting.object_pixels.refine4.conv2.bias, std=5, generator=seeded)
    box = Box(10, 20, 40, 50)
    assert not np.array_equal(_first_two(clip, other, box)[0], _first_two(clip, model, box)[0])
    given, again = (_first_two(clip, each, MaskPrompt(mask)) for each in (model, other))
    assert np.array_equal(given, again)  # nothing is segmented where the mask is given
    assert given[1].any()
    other, seeded = load_model(device="cpu"), torch.Generator().manual_seed(0)
    torch.nn.init.zeros_(other.tracking.object_pixels.refine4.conv2.weight)
    torch.nn.init.normal_(other.tracking.object_pixels.refine4.conv2.bias, std=5, generator=seeded)
    ours, theirs = (_first_two(clip, each, box) for each in (model, other))
    assert np.array_equal(ours[0], theirs[0])
    assert not np.array_equal(ours[1], theirs[1])
