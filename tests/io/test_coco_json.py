"""COCO's and YouTube-VIS's JSON, read by COCO's own tools."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from clips import result_of, scene, write_results
from pycocotools import mask as masks
from pycocotools.coco import COCO

from seem_video.io.reader import open_reader
from seem_video.io.writer import ResultWriter


def test_pycocotools_reads_every_mask(tmp_path: Path):
    path, results = write_results(tmp_path, "coco", scene(6), objects=3, label="düne", start=1, stride=2)
    coco = COCO(str(path))
    assert coco.loadCats(coco.getCatIds()) == [{"id": 1, "name": "düne"}]
    assert sorted(coco.getImgIds()) == [1, 3, 5]
    for result in results:
        image = coco.imgs[result.index]
        assert (image["file_name"], image["height"], image["width"]) == (f"{result.index:05d}.jpg", 64, 96)
        found = {a["track_id"]: a for a in coco.loadAnns(coco.getAnnIds(imgIds=[result.index]))}
        visible = [k for k, mask in enumerate(result.masks) if mask.any()]
        assert sorted(found) == [result.object_ids[k] for k in visible]
        for k in visible:
            annotation = found[result.object_ids[k]]
            np.testing.assert_array_equal(coco.annToMask(annotation), result.masks[k])
            assert annotation["area"] == result.masks[k].sum()
            assert annotation["bbox"] == masks.toBbox(annotation["segmentation"]).tolist()
    assert 0 not in coco.anns, "pycocotools' evaluation takes the id 0 for no match"


def test_objects_of_one_name_are_of_one_category(tmp_path: Path):
    path, _ = write_results(tmp_path, "coco", scene(2), objects=2)
    assert json.loads(path.read_text())["categories"] == [{"id": 1, "name": "1"}, {"id": 2, "name": "2"}]


def test_youtube_vis_lists_an_object_over_all_frames(tmp_path: Path):
    path, results = write_results(tmp_path, "ytvis", scene(5), objects=2)
    document = json.loads(path.read_text("utf-8"))
    (video,) = document["videos"]
    assert video["length"] == len(video["file_names"]) == 5
    assert video["file_names"][3] == "arrays/00003.jpg"
    assert [a["id"] for a in document["annotations"]] == [1, 2]
    for k, annotation in enumerate(document["annotations"]):
        assert annotation["category_id"] in {category["id"] for category in document["categories"]}
        lists = (annotation["segmentations"], annotation["bboxes"], annotation["areas"], results)
        for rle, box, area, result in zip(*lists, strict=True):
            mask = result.masks[k]
            if not mask.any():
                assert (rle, box, area) == (None, None, None)
                continue
            np.testing.assert_array_equal(masks.decode(rle), mask)
            assert (box, area) == (masks.toBbox(rle).tolist(), mask.sum())


@pytest.mark.parametrize("save", ["coco", "ytvis", "cvat"])
def test_nothing_stays_behind_and_a_run_cut_short_is_read_as_well(tmp_path: Path, save: str):
    reader = open_reader(scene(3))
    with ResultWriter(tmp_path, reader.info, save=[save]) as writer:
        for frame in reader:
            writer.write(result_of(frame))
    (path,) = tmp_path.iterdir()
    assert ".partial" in path.name
    if path.suffix == ".json":
        assert len(json.loads(path.read_text())["annotations"]) > 0
