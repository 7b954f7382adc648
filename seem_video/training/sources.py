"""What training clips are made of: videos and stills on disk, in the layouts that people have them in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import cv2
import numpy as np
import numpy.typing as npt
import pycocotools.mask

from seem_video.errors import SeemVideoError
from seem_video.evaluation.labels import read_labels
from seem_video.evaluation.stills import is_held_out
from seem_video.training.warp import Image, Mask

SMALLEST_INSTANCE = 0.0008
"""Least share of a still that an instance covers to be a target."""
_TRAIN_LISTS = ("ImageSets/2017/train.txt", "ImageSets/2016/train.txt", "ImageSets/train.txt")


@dataclass(frozen=True)
class Video:
    """The frames of a sequence that have a mask, as files in order."""

    name: str
    images: list[Path]
    masks: list[Path]

    def read(self, index: int) -> tuple[Image, Mask]:
        """Frame (H, W, 3) RGB and its id map (H, W): 0 is the background, a mask of 0 and 255 has the one id 1."""
        ids = _read_ids(self.masks[index])
        if not ((ids > 0) & (ids < 255)).any():
            ids = (ids == 255).astype(np.uint8)
        return _read_image(self.images[index]), np.where(ids == 255, 0, ids).astype(np.uint8)


@dataclass(frozen=True)
class MappedStill:
    """A still whose instances are drawn in an id map.

    Attributes:
        image, mask: files. ids: of the instances that are large enough to be targets.
    """

    image: Path
    mask: Path
    ids: list[int]

    def read(self) -> tuple[Image, Mask]:
        """Image (H, W, 3) RGB and its id map (H, W): 0 is the background, 255 is to be ignored."""
        return _read_image(self.image), _read_ids(self.mask)


@dataclass(frozen=True)
class CocoStill:
    """A still whose instances are COCO segmentations (polygons or RLE), largest first; id i is the i-th of them.

    Attributes:
        image: file. segmentations: as in the json. ids: of the instances that are large enough to be targets.
    """

    image: Path
    segmentations: list[Any]
    ids: list[int]

    def read(self) -> tuple[Image, Mask]:
        """Image (H, W, 3) RGB and its id map (H, W): 0 is the background; smaller instances lie on top."""
        image = _read_image(self.image)
        height, width = image.shape[:2]
        mask = np.zeros((height, width), np.uint8)
        for number, segmentation in enumerate(self.segmentations, start=1):
            mask[_decode_segmentation(segmentation, height, width)] = number
        return image, mask


Still: TypeAlias = MappedStill | CocoStill


def read_videos(root: Path, *, leave_out: Sequence[str] = ()) -> list[Video]:
    """List a folder in DAVIS or YouTube-VOS layout, sequences in name order.

    That is `JPEGImages/NAME/*.jpg` and `Annotations/NAME/*.png`, with a folder `480p` between in DAVIS; masks are 0/255
    or object ids. Where the folder has a train list (`ImageSets/2017/train.txt`, `2016/train.txt`, `train.txt`), only
    its sequences are taken, so that those for validation stay unseen.

    Raises:
        SeemVideoError: the folder holds no sequence.
    """
    size = "480p" if (root / "Annotations/480p").is_dir() else "."
    listed = next((_listed_names(root / name) for name in _TRAIN_LISTS if (root / name).is_file()), None)
    videos = []
    for folder in sorted(path for path in (root / "Annotations" / size).glob("*") if path.is_dir()):
        masks = sorted(folder.glob("*.png"))
        if masks and folder.name not in leave_out and (listed is None or folder.name in listed):
            images = root / "JPEGImages" / size / folder.name
            videos.append(Video(folder.name, [images / f"{mask.stem}.jpg" for mask in masks], masks))
    if not videos:
        raise SeemVideoError(
            f"No training video in {root}: expected JPEGImages/NAME/*.jpg and Annotations/NAME/*.png there, "
            "or JPEGImages/480p/NAME and Annotations/480p/NAME."
        )
    return videos


def read_stills(source: Path) -> list[Still]:
    """List stills: a folder of `images/`, `masks/` and `index.jsonl`, or a COCO instances json.

    A row of `index.jsonl` has image, mask, width, height and instances with id and area. What the interactive benchmark
    holds out is left out.

    Raises:
        SeemVideoError: there is neither, or the images of a COCO json are nowhere near it.
    """
    if source.suffix == ".json":
        return _coco_stills(source)
    try:
        rows = (source / "index.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SeemVideoError(
            f"No training stills in {source}: expected a COCO instances json, or a folder with index.jsonl."
        ) from error
    stills: list[Still] = []
    for row in map(json.loads, rows):
        least = SMALLEST_INSTANCE * row["width"] * row["height"]
        ids = [instance["id"] for instance in row["instances"] if instance["area"] >= least]
        if ids and not is_held_out(Path(row["image"]).stem):
            stills.append(MappedStill(source / row["image"], source / row["mask"], ids))
    return stills


def _coco_stills(path: Path) -> list[Still]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows, annotations = content["images"], content["annotations"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SeemVideoError(f"{path} is not a COCO instances json: it needs 'images' and 'annotations'.") from error
    of_image: dict[int, list[dict[str, Any]]] = {}
    for annotation in annotations:
        if not annotation.get("iscrowd") and annotation.get("segmentation"):
            of_image.setdefault(annotation["image_id"], []).append(annotation)
    folder = _coco_images(path, rows)
    stills: list[Still] = []
    for row in rows:
        instances = sorted(of_image.get(row["id"], []), key=lambda instance: -instance["area"])[:254]
        least = SMALLEST_INSTANCE * row["width"] * row["height"]
        ids = [number for number, instance in enumerate(instances, start=1) if instance["area"] >= least]
        if ids and not is_held_out(Path(row["file_name"]).stem):
            stills.append(CocoStill(folder / row["file_name"], [i["segmentation"] for i in instances], ids))
    return stills


def _coco_images(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """The folder that the file names of a COCO json are in: beside it, or named after its split as COCO does."""
    split = path.stem.rpartition("_")[2]
    near = [path.parent, path.parent / "images"]
    near += [path.parent.parent / name for name in (split, f"images/{split}", "images")]
    for folder in near:
        if rows and (folder / rows[0]["file_name"]).is_file():
            return folder
    raise SeemVideoError(f"The images of {path} were not found in any of {', '.join(map(str, near))}.")


def _decode_segmentation(segmentation: Any, height: int, width: int) -> npt.NDArray[np.bool_]:
    if isinstance(segmentation, list):
        encoded = pycocotools.mask.merge(pycocotools.mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        encoded = pycocotools.mask.frPyObjects(segmentation, height, width)
    else:
        encoded = segmentation
    return cast(npt.NDArray[np.bool_], pycocotools.mask.decode(encoded).astype(bool))


def _listed_names(path: Path) -> set[str]:
    """Sequence names of a train list; DAVIS 2016 lists a frame and its mask a line, others a name a line."""
    words = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {Path(line[0]).parent.name if len(line) > 1 else line[0] for line in words if line}


def _read_image(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SeemVideoError(f"The training image {path} is missing or cannot be decoded.")
    return cast(Image, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def _read_ids(path: Path) -> Mask:
    return cast(Mask, read_labels(path).astype(np.uint8))
