"""Windows change no mask, what was lost is found again, and each head has its own frames."""

from pathlib import Path

import numpy as np
import pytest
import torch

from seem_video import load_model, open_session
from seem_video.model.seem import SEEM
from seem_video.model.windows import Window
from seem_video.prompts import Box, MaskPrompt, Prompt
from seem_video.tracking.reach import windows_of


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


def _disc(middle: tuple[int, int] | None) -> tuple[np.ndarray, np.ndarray]:
    """A frame of 220 x 340 pixels with a striped disc around x, y, or without it, and the disc's mask."""
    rows, columns = np.mgrid[:220, :340]
    image = np.stack([90 + 0.2 * rows, 130 + 0.1 * columns, 80 + 0 * rows], axis=-1)
    mask = np.zeros((220, 340), bool)
    if middle is not None:
        mask = (columns - middle[0]) ** 2 + (rows - middle[1]) ** 2 < 30**2
        image[mask] = np.where(((columns - middle[0]) // 12 % 2)[mask, None], (200, 40, 40), (240, 220, 60))
    return image.astype(np.uint8), mask


def test_what_was_out_of_sight_is_looked_for_where_the_memory_finds_it(
    model: SEEM, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, masks = zip(*map(_disc, [(60, 60), (62, 60), None, None, None, (260, 150), (258, 150)]), strict=True)
    searched: list[Window] = []

    def seen_windows_of(near: torch.Tensor) -> list[Window]:
        searched.extend(windows_of(near))
        return windows_of(near)

    monkeypatch.setattr("seem_video.tracking.pixel_memory.windows_of", seen_windows_of)
    with open_session(frames, model) as session:
        session.add(MaskPrompt(masks[0]))
        found = np.stack([result.masks[0] for result in session.propagate()])
    assert not found[2:5].any()
    assert (found[5] & masks[5]).sum() > 0.9 * (found[5] | masks[5]).sum()
    assert len(searched) == 6
    sought = np.zeros((22, 34), bool)
    sought[searched[4].rows, searched[4].columns] = True
    assert sought[13:17, 25:28].all()  # where the disc is, in cells of a sixteenth of 352 x 544
    assert sought.mean() < 0.3


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
