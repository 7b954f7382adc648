"""A still image gives what a session gives, for one encoding of the image however often it is clicked."""

import numpy as np
import pytest

from seem_video import Click, open_session
from seem_video.tracking.pixel_memory import PixelMemoryPropagator
from seem_video.tracking.still import StillImage


@pytest.fixture
def image() -> np.ndarray:
    rows, columns = np.mgrid[:96, :128]
    image = np.full((96, 128, 3), (60, 120, 70), np.uint8)
    image[(rows - 48) ** 2 + (columns - 30) ** 2 < 18**2] = (210, 40, 40)
    image[30:70, 80:115] = (40, 60, 210)
    return image


def session_mask(model, image: np.ndarray, clicks: list[Click]) -> np.ndarray:
    with open_session([image], model) as session:
        for click in clicks:
            session.add(click)
        [result] = session.propagate()
    return result.masks[0]


def test_a_mask_is_that_of_a_session_with_the_same_clicks(model, image: np.ndarray):
    clicks = [Click(30, 48), Click(95, 50, positive=False)]
    still = StillImage(model, image)
    assert np.array_equal(still.masks([clicks[:1]])[0], session_mask(model, image, clicks[:1]))
    assert np.array_equal(still.masks([clicks])[0], session_mask(model, image, clicks))


def test_objects_do_not_compete_and_the_image_is_encoded_once(model, image: np.ndarray, monkeypatch):
    encoded = []
    encode = PixelMemoryPropagator.encode
    monkeypatch.setattr(PixelMemoryPropagator, "encode", lambda *args: encoded.append(1) or encode(*args))
    still = StillImage(model, image)
    disc = [Click(30, 48)]
    alone = still.masks([disc])[0]
    together = still.masks([disc] * 17 + [[Click(95, 50)]])
    assert len(together) == 18
    assert np.mean(together[0] ^ alone) < 0.002  # batches may round otherwise
    assert np.array_equal(together[0], together[15])
    assert still.masks([]).shape == (0, 96, 128)
    assert len(encoded) == 1
