"""Video with the released models: they go through the same tracker, with a memory of prompts that is bounded."""

import numpy as np
import pytest
import torch
from tiny import INTERFACE_OF, filled

from seem_video import Box, Click, MaskPrompt, Reference, Text
from seem_video.errors import SeemVideoError
from seem_video.model.architecture import build_filled
from seem_video.model.query_decoder import INTERFACES
from seem_video.model.released import ReleasedSEEM
from seem_video.tracking import prompt_memory
from seem_video.tracking.prompt_memory import RECENT, REFERENCES, PromptMemoryPropagator
from seem_video.tracking.session import VideoSession


@pytest.fixture(scope="module", params=INTERFACE_OF)
def released(request: pytest.FixtureRequest) -> ReleasedSEEM:
    return build_filled(filled(request.param, vocabulary=49_408, context=77), INTERFACES[INTERFACE_OF[request.param]])


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
    past = propagator._past[1]
    assert not past.references
    assert not past.recent


def test_an_object_too_small_to_be_remembered_has_no_mask_rather_than_an_error(released: ReleasedSEEM) -> None:
    session = VideoSession(released, max_side=64)
    speck = np.zeros((48, 64), bool)
    speck[7, 9] = True
    session.add(MaskPrompt(speck))
    results = [session.step(frame) for frame in _frames(2)]
    assert np.array_equal(results[0].masks[0], speck)
    assert not results[1].masks.any()


def _example() -> Reference:
    return Reference(np.random.default_rng(5).integers(0, 256, (60, 40, 3), dtype=np.uint8), [Box(5, 10, 20, 30)])


def _everything_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights are sure of nothing."""
    monkeypatch.setattr(prompt_memory, "PRESENT", 0.0)
    monkeypatch.setattr(prompt_memory, "CONFIDENT", 0.0)


def test_words_and_reference_images_start_a_track_without_a_click(
    released: ReleasedSEEM, monkeypatch: pytest.MonkeyPatch
) -> None:
    _everything_is_there(monkeypatch)
    session = VideoSession(released, max_side=64)
    session.add(Text("the brown dog"), object_id=1)
    session.add(_example(), object_id=2)
    session.add(Click(20, 20), object_id=3)
    session.add(Text("a cat"), object_id=3)
    session.add(_example(), object_id=3)
    session.add(Text("a bird"), object_id=4, frame=1, label="bird")
    session.add(Text("its tail"), object_id=2, frame=2)
    session.add(Click(9, 9, positive=False), object_id=1, frame=2)
    results = [session.step(frame) for frame in _frames(4)]
    assert results[3].labels == ("the brown dog", "its tail", "a cat", "bird")
    assert all(np.isfinite(result.scores).all() for result in results)
    assert results[3].masks.shape == (4, 48, 64)


def test_an_object_in_words_is_what_it_is_alone(released: ReleasedSEEM, monkeypatch: pytest.MonkeyPatch) -> None:
    _everything_is_there(monkeypatch)
    alone, beside = (VideoSession(released, max_side=64) for _ in range(2))
    for session in (alone, beside):
        session.add(Text("the brown dog"), object_id=2)
    beside.add(Box(30, 8, 50, 30), object_id=1)
    a, b = alone.step(_frames(1)[0]), beside.step(_frames(1)[0])
    assert b.scores[1] == pytest.approx(a.scores[0], abs=1e-5)
    assert not (b.masks[1] & ~a.masks[0]).any(), "the other object takes pixels, nothing else changes"


def test_an_object_in_words_is_looked_for_until_it_is_found(
    released: ReleasedSEEM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Confidence decides what is reported absent, and what enters the memory."""
    monkeypatch.setattr(prompt_memory, "PRESENT", 1.1)
    session = VideoSession(released, max_side=64)
    session.add(Text("the brown dog"))
    frames = _frames(4)
    absent = [session.step(frame) for frame in frames[:2]]
    [past] = session._run.tracker._propagator._past.values()
    assert not any(result.masks.any() or result.scores.any() for result in absent)
    assert not past.references
    assert past.wanted().words is past.words
    _everything_is_there(monkeypatch)
    found = session.step(frames[2])
    assert found.masks.any()
    assert len(past.references) == 1
    assert past.wanted().words is None
    session.step(frames[3])
    assert len(past.recent) == 1


def test_an_object_that_is_lost_is_reported_absent_and_may_come_back(
    released: ReleasedSEEM, monkeypatch: pytest.MonkeyPatch
) -> None:
    _everything_is_there(monkeypatch)
    session = VideoSession(released, max_side=64)
    session.add(Box(10, 10, 40, 40))
    frames = _frames(3)
    assert session.step(frames[0]).masks.any()
    monkeypatch.setattr(prompt_memory, "PRESENT", 1.1)
    lost = session.step(frames[1])
    assert not lost.masks.any()
    assert lost.scores.tolist() == [0.0]
    _everything_is_there(monkeypatch)
    assert session.step(frames[2]).masks.any()


def test_prompts_are_encoded_once(released: ReleasedSEEM, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("text", "backbone"):
        module = getattr(released, name)
        forward = module.forward
        monkeypatch.setattr(module, "forward", lambda *x, f=forward, n=name: (calls.append(n), f(*x))[1])
    session = VideoSession(released, max_side=64)
    session.add(Text("the brown dog"), object_id=1)
    session.add(_example(), object_id=2)
    for frame in _frames(3):
        session.step(frame)
    assert calls.count("text") == 1
    assert calls.count("backbone") == 3 + 1


def test_a_compact_model_says_which_models_take_words(model) -> None:
    session = VideoSession(model)
    for prompt in (Text("the dog"), _example()):
        with pytest.raises(SeemVideoError, match=r"seem-nano cannot look for the .*; these can: seem-focalt-v0"):
            session.add(prompt)
