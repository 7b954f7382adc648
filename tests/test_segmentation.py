"""Images through the released models, by every kind of prompt, alone and together; tiny sizes, synthetic weights."""

import numpy as np
import pytest
from tiny import INTERFACE_OF, filled

from seem_video import Box, Click, MaskPrompt
from seem_video.errors import SeemVideoError
from seem_video.model.architecture import build_filled
from seem_video.model.query_decoder import INTERFACES
from seem_video.model.vocabulary import Vocabulary
from seem_video.segmentation import ImageSegmenter

IMAGE = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
OTHER = np.random.default_rng(2).integers(0, 256, (60, 40, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=INTERFACE_OF)
def segmenter(request: pytest.FixtureRequest) -> ImageSegmenter:
    tensors = filled(request.param, vocabulary=49_408, context=77)
    return ImageSegmenter(build_filled(tensors, INTERFACES[INTERFACE_OF[request.param]]), Vocabulary.of("dog,cat"))


def test_visual_prompts_text_and_reference_alone_and_together(segmenter: ImageSegmenter) -> None:
    region = np.zeros((60, 40), bool)
    region[10:30, 5:20] = True
    reference = (OTHER, [MaskPrompt(region)])
    two = {1: [Click(10, 10), Click(30, 30, positive=False)], 4: [Box(30, 5, 50, 30)]}
    for labels, found in [
        (["1", "4"], segmenter.prompted(IMAGE, two)),
        (["a dog", "the cat"], segmenter.prompted(IMAGE, text=["a dog", "the cat"])),
        (["1"], segmenter.prompted(IMAGE, reference=reference)),
        (["1", "4"], segmenter.prompted(IMAGE, two, text=["a dog"])),
        (["1", "4"], segmenter.prompted(IMAGE, two, text=["a dog"], reference=reference)),
    ]:
        assert [segment.label for segment in found] == labels
        assert all(segment.mask.shape == (40, 60) for segment in found)
        assert all(0 <= segment.score <= 1 for segment in found)


def test_an_object_is_what_it_is_alone_whatever_else_is_asked_for(segmenter: ImageSegmenter) -> None:
    first = {1: [Click(10, 10)]}
    alone = segmenter.prompted(IMAGE, first)[0]
    beside = segmenter.prompted(IMAGE, first | {2: [Box(30, 5, 50, 30)]})[0]
    assert np.array_equal(alone.mask, beside.mask)


def test_everything_has_labels_of_the_vocabulary(segmenter: ImageSegmenter) -> None:
    classes, masks = segmenter.candidates(IMAGE)
    assert classes.shape == (6, 3)
    assert masks.shape == (6, 40, 60)
    assert {segment.label for segment in segmenter.everything(IMAGE)} <= {"dog", "cat"}


def test_what_cannot_be_asked_is_said(segmenter: ImageSegmenter) -> None:
    with pytest.raises(SeemVideoError, match="Nothing says what to segment"):
        segmenter.prompted(IMAGE)
    with pytest.raises(SeemVideoError, match="text prompt is empty"):
        segmenter.prompted(IMAGE, text=[""])
    with pytest.raises(SeemVideoError, match="reference image has no region"):
        segmenter.prompted(IMAGE, reference=(OTHER, [Click(3, 3, positive=False)]))
    with pytest.raises(SeemVideoError, match="lies outside"):
        segmenter.prompted(IMAGE, {1: [Click(500, 3)]})
