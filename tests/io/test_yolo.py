"""The YOLO data set: a polygon must give the mask back, whatever its parts and holes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from clips import scene, write_results
from hypothesis import given
from hypothesis import strategies as st

from seem_video.io.yolo import outline


def filled(shares: np.ndarray, height: int, width: int) -> np.ndarray:
    """A polygon as Ultralytics fills it."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [(shares * (width, height)).astype(np.int32)], 1)
    return mask.astype(bool)


def test_every_label_file_gives_the_masks_back(tmp_path: Path):
    path, results = write_results(tmp_path, "yolo", scene(4), objects=2)
    description = yaml.safe_load((path / "data.yaml").read_text("utf-8"))
    assert description == {"train": "images", "val": "images", "names": {0: "1", 1: "2"}}
    for result in results:
        image = cv2.imread(str(path / description["train"] / f"{result.index:05d}.jpg"))
        assert np.abs(image[..., ::-1].astype(int) - result.image).mean() < 4
        lines = (path / "labels" / f"{result.index:05d}.txt").read_text().splitlines()
        found = {int(line.split()[0]): np.array(line.split()[1:], float).reshape(-1, 2) for line in lines}
        visible = [k for k, mask in enumerate(result.masks) if mask.any()]
        assert list(found) == visible
        for k in visible:
            np.testing.assert_array_equal(filled(found[k], 64, 96), result.masks[k])


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 20), st.booleans()), min_size=1))
def test_an_outline_gives_parts_and_holes_back_but_for_its_seams(squares: list[tuple[int, int, int, bool]]):
    mask = np.zeros((48, 64), bool)
    for x, y, side, filled_in in squares:
        mask[y : y + side, x : x + side] = filled_in
    if not mask.any():
        return
    polygon = outline(mask)
    again = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(again, [polygon], 1)
    seams = np.zeros(mask.shape, np.uint8)
    cv2.polylines(seams, [polygon], True, 1)
    different = mask != again.astype(bool)
    assert not (different & (seams == 0)).any()
    assert not (different & mask).any(), "seams add pixels, they take none away"


def test_a_dot_is_a_polygon_too(tmp_path: Path):
    mask = np.zeros((8, 8), bool)
    mask[3, 5] = True
    np.testing.assert_array_equal(outline(mask), [[5, 3]])


def test_ultralytics_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    pytest.importorskip("ultralytics", reason="ultralytics, which reads YOLO's data sets, is not installed")
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset, polygon2mask

    path, results = write_results(tmp_path / "out", "yolo", scene(4), objects=2)
    description = check_det_dataset(str(path / "data.yaml"), autodownload=False)
    dataset = YOLODataset(img_path=description["val"], data=description, task="segment", augment=False, imgsz=96)
    assert len(dataset.labels) == 4
    for label, result in zip(sorted(dataset.labels, key=lambda label: label["im_file"]), results, strict=True):
        visible = [k for k, mask in enumerate(result.masks) if mask.any()]
        assert label["cls"].ravel().tolist() == visible
        for segment, k in zip(label["segments"], visible, strict=True):
            mask = polygon2mask((64, 96), [(segment * (96, 64)).ravel()])
            np.testing.assert_array_equal(mask.astype(bool), result.masks[k])
