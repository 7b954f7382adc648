"""Images through the released models, by every kind of prompt, alone and together; tiny sizes, synthetic weights."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from tiny import INTERFACE_OF, filled

from seem_video import Box, Click, MaskPrompt, Reference, Text
from seem_video.errors import SeemVideoError
from seem_video.model.architecture import build_filled
from seem_video.model.query_decoder import INTERFACES
from seem_video.model.vocabulary import Vocabulary
from seem_video.segmentation import ImageSegmenter

IMAGE = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
OTHER = np.random.default_rng(2).integers(0, 256, (60, 40, 3), dtype=np.uint8)
EXAMPLE = Reference(OTHER, [Box(5, 10, 20, 30)])


@pytest.fixture(scope="module", params=INTERFACE_OF)
def segmenter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageSegmenter]:
    tensors = filled(request.param, vocabulary=49_408, context=77)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SEEM_VIDEO_CACHE", str(tmp_path_factory.mktemp("cache")))
        model = build_filled(tensors, INTERFACES[INTERFACE_OF[request.param]])
        yield ImageSegmenter(model, Vocabulary(("dog", "sky", "cat"), frozenset({"sky"})))


def test_every_kind_of_prompt_alone_and_together(segmenter: ImageSegmenter) -> None:
    box, mask = Box(30, 5, 50, 30), MaskPrompt(OTHER[..., 0] > 128)
    for label, prompts in [
        ("1", [Click(10, 10), Click(30, 30, positive=False)]),
        ("a dog", [Text("a dog")]),
        ("a dog, the brown one", [Text("a dog"), Text("the brown one")]),
        ("1", [EXAMPLE]),
        ("1", [EXAMPLE, Reference(OTHER, [mask, Click(3, 3, positive=False)])]),
        ("a dog", [box, Text("a dog")]),
        ("a dog", [box, Text("a dog"), EXAMPLE]),
    ]:
        [found] = segmenter.prompted(IMAGE, {1: prompts})
        assert (found.object_id, found.label) == (1, label)
        assert found.mask.shape == (40, 60)
        assert 0 <= found.score <= 1


def test_an_object_is_what_it_is_alone_whatever_else_is_asked_for(segmenter: ImageSegmenter) -> None:
    wanted = {1: [Click(10, 10)], 2: [Text("a dog")], 4: [Box(30, 5, 50, 30), Text("the big brown cat")], 7: [EXAMPLE]}
    together = segmenter.prompted(IMAGE, wanted)
    assert [found.object_id for found in together] == [1, 2, 4, 7]
    for found in together:
        [alone] = segmenter.prompted(IMAGE, {found.object_id: wanted[found.object_id]})
        assert np.array_equal(alone.mask, found.mask)
        assert alone.score == pytest.approx(found.score, abs=1e-5)


def test_prompted_objects_are_named_by_the_vocabulary_if_wanted(segmenter: ImageSegmenter) -> None:
    named = segmenter.prompted(IMAGE, {1: [Click(10, 10)], 2: [Text("a bird")]}, classify=True)
    assert named[0].label in segmenter.vocabulary.names
    assert named[1].label == "a bird"


def test_everything_as_panoptic_instance_and_semantic_regions(
    segmenter: ImageSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes, masks = segmenter.candidates(IMAGE)
    assert classes.shape == (6, 4)
    assert len(masks) == 6
    monkeypatch.setattr(segmenter, "candidates", lambda image: (torch.zeros(6, 4), masks))
    assert segmenter.everything(IMAGE) == [], "of no class in particular"
    sure = torch.eye(4)[[0, 1, 1, 2, 3, 0]] * 20
    monkeypatch.setattr(segmenter, "candidates", lambda image: (sure, masks))
    for task in ("panoptic", "instance", "semantic"):
        found = segmenter.everything(IMAGE, task)
        stacked = np.stack([segment.mask for segment in found])
        labels = [segment.label for segment in found]
        assert all(0 <= segment.score <= 1 for segment in found)
        if task == "instance":
            assert "sky" not in labels
        else:
            assert labels.count("sky") <= 1
            assert (stacked.sum(0) <= 1).all()
        if task == "semantic":
            assert stacked.any(0).all()
            assert [segmenter.vocabulary.names[segment.object_id - 1] for segment in found] == labels
        else:
            assert [segment.object_id for segment in found] == list(range(1, len(found) + 1))


def test_what_cannot_be_asked_is_said(segmenter: ImageSegmenter) -> None:
    for sentence, prompts in [
        ("Nothing says what to segment", {}),
        ("reference image has no region", {1: [Reference(OTHER, [Click(3, 3, positive=False)])]}),
        ("In the reference image: The click 50,3 lies outside", {1: [Reference(OTHER, [Click(50, 3)])]}),
        ("lies outside", {1: [Click(500, 3)]}),
    ]:
        with pytest.raises(SeemVideoError, match=sentence):
            segmenter.prompted(IMAGE, prompts)


def test_half_the_bits_find_the_same_objects(segmenter: ImageSegmenter) -> None:
    wanted = {1: [Click(10, 10)], 2: [Box(30, 5, 50, 30), EXAMPLE]}
    whole = segmenter.prompted(IMAGE, wanted)
    segmenter.model.precision = torch.bfloat16
    half = segmenter.prompted(IMAGE, wanted)
    segmenter.model.precision = torch.float32
    for a, b in zip(whole, half, strict=True):
        assert (a.mask == b.mask).mean() > 0.9
        assert b.score == pytest.approx(a.score, abs=0.05)


def test_the_table_of_classes_is_kept(segmenter: ImageSegmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a minute's work for a full vocabulary on two CPU cores."""
    first = segmenter._class_table()
    monkeypatch.setattr(segmenter.model.text, "class_table", None)
    again = ImageSegmenter(segmenter.model, segmenter.vocabulary)._class_table()
    assert torch.equal(first, again)
    assert first.norm(dim=-1).allclose(torch.ones(4))
