"""Masks as other tools read them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from clips import result_of, scene
from PIL import Image
from pycocotools import mask as coco

from seem_video.errors import SeemVideoError
from seem_video.io.palette import PALETTE
from seem_video.io.reader import open_reader
from seem_video.io.writer import ResultWriter
from seem_video.results import FrameResult


def write(out: Path, save: str, objects: int = 2, **span: int) -> list[FrameResult]:
    reader = open_reader(scene(8), **span)
    results = [result_of(frame, objects, label="düne") for frame in reader]
    with ResultWriter(out, reader.info, save=[save]) as writer:
        for result in results:
            writer.write(result)
        writer.finish()
    return results


def test_pngs_are_indexed_and_named_by_the_frame_in_the_source(tmp_path: Path):
    results = write(tmp_path, "masks", start=2, stride=3)
    assert sorted(p.name for p in (tmp_path / "masks").iterdir()) == ["00002.png", "00005.png"]
    with Image.open(tmp_path / "masks/00002.png") as image:
        assert image.mode == "P"
        assert bytes(image.getpalette()[:9]) == PALETTE[:3].tobytes()
        labels = np.array(image)
    for object_id, mask in zip(results[0].object_ids, results[0].masks, strict=True):
        np.testing.assert_array_equal(labels == object_id, mask)


def test_an_object_that_a_png_cannot_number_is_refused(tmp_path: Path):
    reader = open_reader(scene(3))
    result = result_of(next(iter(reader)))
    result = FrameResult(*(*list(vars(result).values())[:4], (256,), result.masks, result.scores, result.labels))
    with ResultWriter(tmp_path, reader.info, save=["masks"]) as writer:
        writer.write(result)
        with pytest.raises(SeemVideoError, match="Object 256 has no place"):
            writer.finish()


def test_run_lengths_follow_the_documented_schema(tmp_path: Path):
    results = write(tmp_path, "rle")
    document = json.loads((tmp_path / "masks.json").read_text("utf-8"))
    assert document.keys() == {"video", "size", "fps", "frames", "objects"}
    assert document["size"] == [64, 96]
    assert document["objects"]["1"] == {"label": "düne", "color": [128, 0, 0]}
    assert list(document["frames"]) == [str(i) for i in range(8)]
    for result in results:
        entry = document["frames"][str(result.index)]
        assert entry["time_s"] == pytest.approx(result.time_s)
        for object_id, mask in zip(result.object_ids, result.masks, strict=True):
            found = entry["objects"][str(object_id)]
            np.testing.assert_array_equal(coco.decode(found["rle"]), mask)
            assert found["area"] == mask.sum() == coco.area(found["rle"])
            assert found["box"] == coco.toBbox(found["rle"]).tolist()
            assert found["score"] == pytest.approx(0.9)
