"""Labelled regions: where this fails, a picture of everything has holes, doubles or wrong names."""

import pytest
import torch

from seem_video.errors import SeemVideoError
from seem_video.model.semantics import instances, panoptic, semantic
from seem_video.model.text import tokenise
from seem_video.model.vocabulary import COCO, Vocabulary

SURE, NO = 9.0, -9.0


def _classes(*labels: int, classes: int = 3) -> torch.Tensor:
    """Logits of candidates that are sure of their class; the last is void."""
    logits = torch.zeros(len(labels), classes)
    logits[torch.arange(len(labels)), list(labels)] = SURE
    return logits


def _mask(left: int, right: int) -> torch.Tensor:
    logits = torch.full((4, 10), NO)
    logits[:, left:right] = SURE
    return logits


def test_panoptic_drops_void_the_unsure_and_the_hidden_and_joins_stuff() -> None:
    classes = _classes(0, 1, 1, 2, 0)
    classes = torch.cat([classes, torch.zeros(1, 3)])  # of no class in particular
    masks = torch.stack([_mask(0, 4), _mask(4, 6), _mask(6, 8), _mask(0, 10), 0.5 * _mask(0, 4), _mask(8, 10)])
    regions = panoptic(classes, masks, [False, True])
    assert [(region.label, int(region.mask.sum())) for region in regions] == [(0, 16), (1, 16)]
    assert not (regions[0].mask & regions[1].mask).any()
    assert panoptic(_classes(2, 2), masks[:2], [False, True]) == []


def test_instances_are_things_best_first() -> None:
    classes = _classes(0, 1, 0)
    classes[2] /= 3
    found = instances(classes, torch.stack([_mask(0, 4), _mask(4, 6), _mask(2, 8)]), [False, True], most=3)
    assert [int(region.mask.sum()) for region in found] == [16, 24]
    assert found[0].score > 0.99 > found[1].score


def test_semantic_gives_every_pixel_a_class() -> None:
    regions = semantic(_classes(1, 0, 0), torch.stack([_mask(5, 10), _mask(0, 3), _mask(2, 5)]))
    assert [(region.label, int(region.mask.sum())) for region in regions] == [(0, 20), (1, 20)]
    assert torch.equal(regions[0].mask, ~regions[1].mask)
    assert all(region.score > 0.99 for region in regions)


def test_vocabularies_from_words_and_files(tmp_path) -> None:
    assert Vocabulary.of("dog, frisbee,dog").names == ("dog", "frisbee")
    (tmp_path / "labels.txt").write_text("red car\n\nblue car\n")
    assert Vocabulary.of(str(tmp_path / "labels.txt")).names == ("red car", "blue car")
    assert (len(COCO.names), len(COCO.stuff)) == (133, 53)
    with pytest.raises(SeemVideoError, match="no label in"):
        Vocabulary.of(" , ")
    with pytest.raises(SeemVideoError, match="does not exist"):
        Vocabulary.of(str(tmp_path / "none.txt"))


def test_text_is_cut_into_clips_tokens_without_a_network() -> None:
    ids, valid = tokenise(["a photo of a dog.", "Dog"])
    assert ids.tolist()[0] == [49406, 320, 1125, 539, 320, 1929, 269, 49407]
    assert ids.tolist()[1] == [49406, 1929, 49407, 49407, 49407, 49407, 49407, 49407]
    assert valid.sum(1).tolist() == [8, 3]
    with pytest.raises(SeemVideoError, match="text prompt is empty"):
        tokenise(["dog", " "])
    with pytest.warns(UserWarning, match="longer than 77 tokens"):
        ids, _ = tokenise(["dog " * 100])
    assert ids.shape == (1, 77)
    assert ids[0, -1] == 49407
