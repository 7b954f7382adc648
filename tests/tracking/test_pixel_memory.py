"""An object that is pointed at is the piece pointed at; windows change no mask."""

from pathlib import Path

import numpy as np
import pytest
import torch

from seem_video import load_model, open_session
from seem_video.model.seem import SEEM
from seem_video.prompts import Box, Click, MaskPrompt, Prompt, Scribble, rasterise
from seem_video.tracking.pixel_memory import _drop_untouched

SIZE = (48, 64)


def _pieces(*prompts: Prompt) -> list[bool]:
    """Which of three pieces, left, middle and right, are left of a mask."""
    logits = torch.full((12, 16), -3.0)
    for left in (1, 6, 11):
        logits[3:9, left : left + 4] = 2.0
    _drop_untouched(logits, rasterise(prompts, *SIZE))
    return [bool((logits[3:9, left : left + 4] > 0).all()) for left in (1, 6, 11)]


@pytest.mark.parametrize(
    ("prompts", "left"),
    [
        ([Click(30, 20)], [False, True, False]),
        ([Click(10, 20), Click(55, 30)], [True, False, True]),
        ([Scribble([(10, 20), (35, 20)])], [True, True, False]),
        ([Click(10, 20), Click(55, 30, positive=False)], [True, False, False]),
        ([Click(30, 2)], [True, True, True]),  # on none of them
        ([Box(0, 0, 40, 40), Click(10, 20)], [True, True, True]),  # a box says how far it goes
    ],
)
def test_pieces_that_no_click_or_stroke_is_on_are_dropped(prompts: list[Prompt], left: list[bool]) -> None:
    assert _pieces(*prompts) == left


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    logits = torch.full((12, 16), -3.0)
    logits[:4, :4] = logits[4:8, 4:8] = 2.0
    before = logits.clone()
    _drop_untouched(logits, rasterise([Click(4, 4)], *SIZE))
    assert np.array_equal(logits.numpy(), before.numpy())


def _masks(clip: Path) -> np.ndarray:
    with open_session(clip, load_model(device="cpu"), stop=4) as session:
        for object_id in range(1, 4):
            session.add(Box(8 * object_id, 20, 8 * object_id + 30, 50), object_id=object_id)
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
    other = load_model(device="cpu")
    torch.nn.init.zeros_(other.prompting.object_pixels.refine4.conv2.weight)
    torch.nn.init.normal_(other.prompting.object_pixels.refine4.conv2.bias)
    box = Box(10, 20, 40, 50)
    assert not np.array_equal(_first_two(clip, other, box)[0], _first_two(clip, model, box)[0])
    given, again = (_first_two(clip, each, MaskPrompt(mask)) for each in (model, other))
    assert np.array_equal(given, again)  # nothing is segmented where the mask is given
    assert given[1].any()
    other = load_model(device="cpu")
    torch.nn.init.zeros_(other.tracking.object_pixels.refine4.conv2.weight)
    torch.nn.init.normal_(other.tracking.object_pixels.refine4.conv2.bias)
    ours, theirs = (_first_two(clip, each, box) for each in (model, other))
    assert np.array_equal(ours[0], theirs[0])
    assert not np.array_equal(ours[1], theirs[1])
