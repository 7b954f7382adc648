"""What is prompted is seen twice, what is small from close by; all callers see the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seem_video import Box, Click, MaskPrompt, Scribble, open_session
from seem_video.app.preview import FramePreview
from seem_video.model.seem import SEEM
from seem_video.model.windows import OUTSIDE
from seem_video.prompts import Prompt, rasterise
from seem_video.tracking.pixel_memory import PixelMemoryPropagator
from seem_video.tracking.propagation import to_frame
from seem_video.tracking.second_look import LARGEST_PART, CloserLook, look_closer, without_untouched
from seem_video.tracking.still import StillImage

HEIGHT, WIDTH = 240, 320
SIZE = (48, 64)


def _disc(x: int, y: int, radius: int) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (rows - y) ** 2 + (columns - x) ** 2 < radius**2


def _image(disc: np.ndarray) -> np.ndarray:
    image = np.full((HEIGHT, WIDTH, 3), (60, 120, 70), np.uint8)
    image[disc] = (210, 40, 40)
    return image


@torch.inference_mode()
def _look(model: SEEM, disc: np.ndarray, prompt: Prompt) -> CloserLook | None:
    logits = torch.from_numpy(np.where(disc, 6.0, -6.0).astype(np.float32))[2::4, 2::4]
    maps, on_frame = rasterise([prompt], HEIGHT, WIDTH), to_frame(logits, HEIGHT, WIDTH)
    return look_closer(PixelMemoryPropagator(model, None), _image(disc), maps, on_frame)


@pytest.mark.parametrize(("x", "y"), [(160, 100), (8, 6), (312, 232), (160, 235)])
def test_the_part_has_the_small_object_in_it_and_ends_with_the_frame(model: SEEM, x: int, y: int) -> None:
    disc = _disc(x, y, 10)
    look = _look(model, disc, Click(x, y))
    assert look is not None
    part = disc[look.rows, look.columns]
    assert part.sum() == disc.sum()
    assert part.shape == (look.rows.stop - look.rows.start, look.columns.stop - look.columns.start)
    assert 0 < part.size <= LARGEST_PART * disc.size


def test_a_box_says_where_to_look_whatever_the_first_mask_is(model: SEEM) -> None:
    look = _look(model, _disc(160, 100, 90), Box(150, 90, 170, 110))
    assert look is not None
    assert look.columns.start < 150 < 170 < look.columns.stop


def test_a_large_object_is_not_looked_at_from_close_by(model: SEEM) -> None:
    assert _look(model, _disc(160, 100, 60), Click(160, 100)) is None


def test_nothing_is_nowhere(model: SEEM) -> None:
    maps = rasterise([Click(160, 100, positive=False)], HEIGHT, WIDTH)
    image = _image(_disc(160, 100, 10))
    nothing = np.full((HEIGHT, WIDTH), OUTSIDE, np.float32)
    assert look_closer(PixelMemoryPropagator(model, None), image, maps, nothing) is None


def test_there_is_no_mask_outside_of_the_part() -> None:
    look = CloserLook(slice(20, 60), slice(30, 80), torch.full((10, 10), 3.0), torch.tensor(0.9))
    on_frame = look.on_frame(100, 120)
    assert (on_frame[20:60, 30:80] == 3).all()
    assert (on_frame == OUTSIDE).sum() == 100 * 120 - 40 * 50


def test_a_small_disc_is_found_to_the_pixel_where_the_frame_alone_shows_few_cells_of_it(model: SEEM) -> None:
    disc = _disc(160, 100, 7)
    mask = StillImage(model, _image(disc)).prompt({1: Click(160, 100)})[1]
    assert (mask & disc).sum() / (mask | disc).sum() > 0.8


def test_sessions_stills_and_previews_look_alike(model: SEEM) -> None:
    disc = _disc(100, 60, 9)
    image, click = _image(disc), Click(100, 60)
    with open_session([image], model) as session:
        session.add(click)
        [result] = session.propagate()
    masks, scores = FramePreview(model, image).decode({1: [click]}, {})
    assert np.array_equal(result.masks[0], masks[1])
    assert result.scores[0] == pytest.approx(scores[1])
    assert np.array_equal(result.masks[0], StillImage(model, image).prompt({1: click})[1])


def test_a_given_mask_is_taken_as_it_is(model: SEEM, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    encode = PixelMemoryPropagator.encode
    monkeypatch.setattr(PixelMemoryPropagator, "encode", lambda *args: encoded.append(1) or encode(*args))
    disc = _disc(100, 60, 9)
    with open_session([_image(disc)], model) as session:
        session.add(MaskPrompt(disc))
        [result] = session.propagate()
    assert np.array_equal(result.masks[0], disc)
    assert len(encoded) == 1


def test_logits_are_on_the_frame_where_their_cells_are() -> None:
    logits = torch.zeros(6, 8)
    logits[2, 3] = 8.0
    on_frame = to_frame(logits, 24, 32)
    assert np.argwhere(on_frame > 5).mean(0) == pytest.approx([9.5, 13.5])


def _pieces(*prompts: Prompt) -> list[bool]:
    """Which of three pieces, left, middle and right, are left of a mask."""
    logits = torch.full((12, 16), -3.0)
    for left in (1, 6, 11):
        logits[3:9, left : left + 4] = 2.0
    left_over = without_untouched(logits, rasterise(prompts, *SIZE))
    return [bool((left_over[3:9, left : left + 4] > 0).all()) for left in (1, 6, 11)]


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
    assert torch.equal(without_untouched(logits, rasterise([Click(4, 4)], *SIZE)), logits)
