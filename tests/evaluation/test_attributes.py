"""The attributes in a report say what the annotations show."""

import numpy as np
from PIL import Image

from seem_video.evaluation.attributes import sequence_attributes
from seem_video.evaluation.davis import DavisDataset

from .data import draw_dataset


def attributes(root, masks):
    annotations = draw_dataset(root, ["s"], length=len(masks))
    for t, mask in enumerate(masks):
        Image.fromarray(mask).save(annotations / "s" / f"{t:05}.png")
    return sequence_attributes(DavisDataset.open(root).sequences[0])[1]


def rectangle(x, y, w, h):
    mask = np.zeros((120, 160), np.uint8)
    mask[y : y + h, x : x + w] = 1
    return mask


def test_a_large_still_object_has_none(tmp_path):
    assert attributes(tmp_path, [rectangle(20, 20, 80, 60)] * 6) == frozenset()


def test_a_small_object_that_jumps_is_small_and_fast(tmp_path):
    assert attributes(tmp_path, [rectangle(10 + 12 * t, 50, 20, 20) for t in range(6)]) == {"small", "fast"}


def test_an_object_behind_something_is_occluded_and_one_that_leaves_is_not(tmp_path):
    hidden = [rectangle(20, 20, 80, 60), rectangle(20, 20, 8, 60), rectangle(20, 20, 80, 60)]
    assert "occluded" in attributes(tmp_path / "hidden", hidden * 2)
    leaving = [rectangle(20, 20, 80, 60)] * 4 + [rectangle(0, 20, 60, 60), rectangle(0, 20, 10, 60)]
    assert "occluded" not in attributes(tmp_path / "leaving", leaving)


def test_an_object_that_turns_is_deforming(tmp_path):
    assert attributes(tmp_path, [rectangle(40, 40, 80, 30), rectangle(65, 15, 30, 80)] * 3) == {"deforming"}
