"""The XML that CVAT imports."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from clips import scene, write_results

from seem_video.io.cvat import run_lengths


def test_masks_follow_the_format_cvat_for_images(tmp_path: Path):
    path, results = write_results(tmp_path, "cvat", scene(4), objects=2, label='a "b" <c>')
    root = ElementTree.parse(path).getroot()
    assert root.findtext("version") == "1.1"
    assert [label.findtext("name") for label in root.iter("label")] == ['a "b" <c>']
    for image, result in zip(root.iter("image"), results, strict=True):
        assert image.attrib["name"] == f"frame_{result.index:06d}"
        found = {int(element.attrib["group_id"]): element.attrib for element in image.iter("mask")}
        for object_id, mask in zip(result.object_ids, result.masks, strict=True):
            if mask.any():
                np.testing.assert_array_equal(_drawn(found.pop(object_id), mask.shape), mask)
        assert not found


def _drawn(attributes: dict[str, str], shape: tuple[int, ...]) -> np.ndarray:
    """A mask by CVAT's description: run lengths of zeros and ones in turn, over the rows of the box."""
    left, top, width, height = (int(attributes[name]) for name in ("left", "top", "width", "height"))
    runs = [int(run) for run in attributes["rle"].split(",")]
    values = np.repeat(np.arange(len(runs)) % 2, runs)
    mask = np.zeros(shape, bool)
    mask[top : top + height, left : left + width] = values.reshape(height, width)
    return mask


@pytest.mark.parametrize(
    ("mask", "runs"), [([[1, 1]], [0, 2]), ([[0, 1], [1, 0]], [1, 2, 1]), ([[1, 0], [0, 1]], [0, 1, 2, 1])]
)
def test_the_first_run_is_of_zeros(mask: list[list[int]], runs: list[int]):
    assert run_lengths(np.array(mask, bool)) == runs


def test_datumaro_reads_it(tmp_path: Path):
    dataset = pytest.importorskip("datumaro", reason="datumaro, which reads CVAT's formats, is not installed")
    path, results = write_results(tmp_path, "cvat", scene(4), objects=2)
    (tmp_path / "images").mkdir()
    for result in results:  # it wants to see the frames, but reads nothing in them
        (tmp_path / f"images/frame_{result.index:06d}").touch()
    items = {int(item.attributes["frame"]): item for item in dataset.Dataset.import_from(str(path), "cvat")}
    for result in results:
        found = {annotation.group: annotation for annotation in items[result.index].annotations}
        for object_id, mask in zip(result.object_ids, result.masks, strict=True):
            if mask.any():
                np.testing.assert_array_equal(found[object_id].image, mask)
