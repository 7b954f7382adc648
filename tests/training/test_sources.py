"""Training data as people have it: DAVIS, YouTube-VOS, COCO; what is for validation is never trained on."""

import json
from pathlib import Path

import cv2
import numpy as np
import pycocotools.mask
import pytest

from seem_video.errors import SeemVideoError
from seem_video.evaluation.labels import write_labels
from seem_video.evaluation.stills import is_held_out
from seem_video.training.data import ClipMaker
from seem_video.training.sources import read_stills, read_videos

IDS = np.zeros((40, 60), np.uint8)
IDS[5:25, 5:25] = 1
IDS[10:35, 30:55] = 2


def _video(root: Path, name: str, *, size: str = ".", ids: np.ndarray = IDS) -> None:
    for kind in ("JPEGImages", "Annotations"):
        (root / kind / size / name).mkdir(parents=True)
    for t in range(3):
        cv2.imwrite(str(root / "JPEGImages" / size / name / f"{t:05d}.jpg"), np.full((40, 60, 3), 90, np.uint8))
        write_labels(root / "Annotations" / size / name / f"{t:05d}.png", ids)


def _coco(root: Path, *, images: str) -> Path:
    (root / images).mkdir(parents=True)
    cv2.imwrite(str(root / images / "1.jpg"), np.full((40, 60, 3), 90, np.uint8))
    polygon = [30, 10, 55, 10, 55, 35, 30, 35]
    rle = pycocotools.mask.encode(np.asfortranarray(IDS == 1))
    content = {
        "images": [{"id": 7, "file_name": "1.jpg", "width": 60, "height": 40}],
        "annotations": [
            {"image_id": 7, "area": 400, "segmentation": {"size": [40, 60], "counts": rle["counts"].decode()}},
            {"image_id": 7, "area": 625, "segmentation": [polygon]},
            {"image_id": 7, "area": 2000, "iscrowd": 1, "segmentation": {"size": [40, 60], "counts": [2400]}},
        ],
    }
    (root / "annotations").mkdir()
    path = root / "annotations/instances_train2017.json"
    path.write_text(json.dumps(content))
    return path


def test_a_youtube_vos_folder_gives_clips_of_several_objects(tmp_path: Path) -> None:
    _video(tmp_path, "0043f083b5")
    videos = read_videos(tmp_path)
    assert np.array_equal(videos[0].read(2)[1], IDS)
    clips = ClipMaker(videos, [], [], {"video": 1.0}, frames=2, size=64, seed=0, length=30)
    assert {tuple(clips[i].targets) for i in range(30)} >= {(1,), (1, 2)}


def test_a_davis_folder_keeps_its_validation_sequences_unseen(tmp_path: Path) -> None:
    for name in ("bear", "dog"):
        _video(tmp_path, name, size="480p", ids=(IDS > 0) * np.uint8(255))
    (tmp_path / "ImageSets/2016").mkdir(parents=True)
    line = "/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png"
    (tmp_path / "ImageSets/2016/train.txt").write_text(f"{line}\n{line}\n")
    videos = read_videos(tmp_path)
    assert [video.name for video in videos] == ["bear"]
    assert np.array_equal(videos[0].read(0)[1], IDS > 0)


def test_coco_instances_become_stills_wherever_coco_puts_the_images(tmp_path: Path) -> None:
    for images in ("train2017", "images/train2017"):
        root = tmp_path / images.replace("/", "-")
        (still,) = read_stills(_coco(root, images=images))
        mask = still.read()[1]
        assert still.ids == [1, 2]
        assert ((mask == 2) == (IDS == 1)).all()
        assert ((mask == 1) & (IDS == 2)).sum() > 0.9 * (IDS == 2).sum()


def test_stills_of_the_benchmark_are_not_trained_on(tmp_path: Path) -> None:
    names = [f"{i}.jpg" for i in range(40)]
    instances = [{"id": 1, "area": 400}]
    rows = [{"image": n, "mask": n, "width": 60, "height": 40, "instances": instances} for n in names]
    (tmp_path / "index.jsonl").write_text("\n".join(map(json.dumps, rows)))
    taken = {still.image.name for still in read_stills(tmp_path)}
    assert taken == {name for name in names if not is_held_out(Path(name).stem)}
    assert len(taken) < len(names)


def test_data_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SeemVideoError, match="No training video in"):
        read_videos(tmp_path)
    with pytest.raises(SeemVideoError, match="No training stills in"):
        read_stills(tmp_path)
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(SeemVideoError, match="is not a COCO instances json"):
        read_stills(tmp_path / "a.json")
    path = _coco(tmp_path, images="elsewhere")
    with pytest.raises(SeemVideoError, match="were not found"):
        read_stills(path)
