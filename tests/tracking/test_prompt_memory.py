"""Video with the released models: they go through the same tracker, with a memory of prompts that is bounded."""

import numpy as np
import pytest
import torch
from tiny import INTERFACE_OF, filled

from seem_video import Box, Click, MaskPrompt
from seem_video.model.architecture import build_filled
from seem_video.model.query_decoder import INTERFACES
from seem_video.model.released import ReleasedSEEM
from seem_video.tracking.prompt_memory import RECENT, REFERENCES, PromptMemoryPropagator
from seem_video.tracking.session import VideoSession


@pytest.fixture(params=INTERFACE_OF)
def released(request: pytest.FixtureRequest) -> ReleasedSEEM:
    return build_filled(filled(request.param), INTERFACES[INTERFACE_OF[request.param]])


def _frames(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 48, 64, 3), dtype=np.uint8)


def test_every_interface_tracks_objects_by_any_visual_prompt(released: ReleasedSEEM) -> None:
    session = VideoSession(released, max_side=64)
    session.add(Click(20, 20), object_id=1)
    session.add(Click(50, 10, positive=False), object_id=1)
    session.add(Box(30, 8, 50, 30), object_id=2)
    mask = np.zeros((48, 64), bool)
    mask[30:40, 5:20] = True
    session.add(MaskPrompt(mask), object_id=3, frame=1)
    session.add(Click(12, 12, positive=False), object_id=1, frame=2)
    results = [session.step(frame) for frame in _frames(4)]
    assert results[3].object_ids == (1, 2, 3)
    assert results[3].masks.shape == (3, 48, 64)
    assert np.array_equal(results[1].masks[2], mask)
    assert all(np.isfinite(result.scores).all() for result in results)
    assert not any((result.masks.sum(0) > 1).any() for result in results)


def test_the_memory_of_prompts_is_bounded_and_the_first_frame_stays(released: ReleasedSEEM) -> None:
    propagator = PromptMemoryPropagator(released, 64)
    propagator.add_objects([7])
    masks = torch.full((1, 12, 16), -1.0)
    masks[:, 2:6, 3:8] = 9.0
    first = None
    for index, image in enumerate(_frames(2 * (RECENT + REFERENCES))):
        prompted = [7] if index % 2 == 0 else []
        features = propagator.encode(image)
        masks = torch.nn.functional.interpolate(masks[None], size=(features.rows, features.columns))[0]
        propagator.remember(index, features, masks, torch.ones(1), prompted=prompted, new=[])
        past = propagator._past[7]
        first = first or past.references[0]
    assert len(past.references) == REFERENCES
    assert len(past.recent) == RECENT
    assert past.references[0] is first


def test_an_object_that_nobody_is_sure_of_leaves_the_memory_as_it_was(released: ReleasedSEEM) -> None:
    propagator = PromptMemoryPropagator(released, 64)
    propagator.add_objects([1])
    features = propagator.encode(_frames(1)[0])
    masks = torch.ones(1, features.rows, features.columns)
    propagator.remember(0, features, masks, torch.tensor([0.5]), prompted=[], new=[])
    assert not propagator._past[1].recent


def test_an_object_too_small_to_be_remembered_has_no_mask_rather_than_an_error(released: ReleasedSEEM) -> None:
    session = VideoSession(released, max_side=64)
    speck = np.zeros((48, 64), bool)
    speck[7, 9] = True
    session.add(MaskPrompt(speck))
    results = [session.step(frame) for frame in _frames(2)]
    assert np.array_equal(results[0].masks[0], speck)
    assert not results[1].masks.any()
