"""A still image is encoded once however often it is clicked, and corrections start from the mask before."""

import numpy as np
import pytest
import torch
from tiny import INTERFACE_OF, filled

from seem_video import Click, open_session
from seem_video.model.architecture import build_filled
from seem_video.model.query_decoder import INTERFACES
from seem_video.tracking.pixel_memory import PixelMemoryPropagator
from seem_video.tracking.still import StillImage

DISC, BOX = Click(30, 48), Click(95, 50)


@pytest.fixture
def image() -> np.ndarray:
    rows, columns = np.mgrid[:96, :128]
    image = np.full((96, 128, 3), (60, 120, 70), np.uint8)
    image[(rows - 48) ** 2 + (columns - 30) ** 2 < 18**2] = (210, 40, 40)
    image[30:70, 80:115] = (40, 60, 210)
    return image


def test_the_first_click_gives_what_a_session_gives(model, image: np.ndarray):
    with open_session([image], model) as session:
        session.add(DISC)
        [result] = session.propagate()
    assert np.array_equal(StillImage(model, image).prompt({5: DISC})[5], result.masks[0])


def test_objects_do_not_change_each_other(model, image: np.ndarray):
    alone = StillImage(model, image).prompt({1: DISC})[1]
    masks = StillImage(model, image).prompt(dict.fromkeys(range(1, 18), DISC) | {18: BOX})
    assert list(masks) == list(range(1, 19))
    assert np.mean(masks[1] ^ alone) < 0.002  # batches may round otherwise
    assert masks[18][50, 95]


def test_the_image_is_encoded_once_and_a_correction_starts_from_the_mask_before(model, image: np.ndarray, monkeypatch):
    encoded, starts = [], []
    encode, segment = PixelMemoryPropagator.encode, PixelMemoryPropagator.segment
    monkeypatch.setattr(PixelMemoryPropagator, "encode", lambda *args: encoded.append(1) or encode(*args))
    monkeypatch.setattr(PixelMemoryPropagator, "segment", lambda *args: starts.append(args[-1]) or segment(*args))
    still = StillImage(model, image)
    still.prompt({1: DISC})
    before = still._logits[1]
    still.prompt({1: Click(60, 80, positive=False), 2: BOX})
    assert len(encoded) == 1
    assert [start is None for start in starts] == [True, False, True, False, False, False]  # each with a second look
    assert torch.equal(starts[4], before[None])


def test_released_models_are_clicked_in_the_same_way(image: np.ndarray):
    released = build_filled(filled("tiny_focal"), INTERFACES[INTERFACE_OF["tiny_focal"]])
    still = StillImage(released, image)
    first = still.prompt({1: DISC, 2: BOX})
    second = still.prompt({1: Click(60, 80, positive=False)})
    assert [mask.shape for mask in (first[1], first[2], second[1])] == [image.shape[:2]] * 3
