"""Annotated stills on disk: a folder of images, and a PNG of ids of the same stem for each.

The ids of a PNG are its instances and 255 is ignored; a PNG of 0 and 255 only is one object. A data set is a folder
with `images/` and `masks/`, the layout that training reads too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

import seem_video
from seem_video.errors import SeemVideoError
from seem_video.evaluation.labels import VOID, read_labels
from seem_video.io.images import IMAGE_SUFFIXES, natural_key

HELD_OUT = 10
"""One still in so many is held out."""


@dataclass(frozen=True)
class Still:
    """An image and its mask, as files; the image's file name, after its data set's where there are several."""

    image: Path
    mask: Path
    name: str

    def read(self) -> AnnotatedImage:
        """Reads both; raises SeemVideoError where one cannot be read, or the mask has another size than the image."""
        with seem_video.open_reader(self.image) as reader:
            image = reader.read_at(0).image
        labels = read_labels(self.mask)
        if labels.shape != image.shape[:2]:
            raise SeemVideoError(
                f"{self.mask} is {labels.shape[1]}x{labels.shape[0]} and its image {image.shape[1]}x{image.shape[0]};"
                " give masks of the images' sizes."
            )
        ids = [int(i) for i in np.unique(labels) if i]
        if ids == [VOID]:
            return AnnotatedImage(image, {VOID: labels == VOID}, np.zeros(labels.shape, bool))
        return AnnotatedImage(image, {i: labels == i for i in ids if i != VOID}, labels == VOID)


@dataclass(frozen=True)
class AnnotatedImage:
    """An image (H, W, 3) uint8 RGB, its objects' masks (H, W) bool by id, and where pixels count for nothing."""

    image: npt.NDArray[np.uint8]
    objects: dict[int, npt.NDArray[np.bool_]]
    void: npt.NDArray[np.bool_]


def find_stills(folders: Sequence[tuple[Path, Path]], *, held_out: bool = False) -> list[Still]:
    """The stills of pairs of folders, of images and of masks; with `held_out` those held out alone.

    They come in natural order of their names within a pair. Raises SeemVideoError where a folder is missing or empty,
    an image has no mask, none is held out, or two images would have one name.
    """
    stills: dict[str, Still] = {}
    total = 0
    for images, masks in folders:
        found = _images(images, masks)
        total += len(found)
        for path in found:
            if held_out and not is_held_out(path.stem):
                continue
            still = Still(path, masks / f"{path.stem}.png", path.name)
            if len(folders) > 1:
                still = replace(still, name=f"{images.absolute().parent.name}/{path.name}")
            if not still.mask.is_file():
                raise SeemVideoError(f"{path.name} has no mask {still.mask}; every image needs one.")
            if still.name in stills:
                raise SeemVideoError(f"There are two images {still.name}; give folders of different names, each once.")
            stills[still.name] = still
    if not stills:
        where = " and ".join(str(images) for images, _ in folders)
        raise SeemVideoError(f"None of the {total} images in {where} is held out; leave --held-out away.")
    return list(stills.values())


def _images(images: Path, masks: Path) -> list[Path]:
    for folder in (images, masks):
        if not folder.is_dir():
            raise SeemVideoError(f"{folder} is not a folder; give a folder of images and one of PNG masks.")
    found = sorted((p for p in images.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES), key=natural_key)
    if not found:
        raise SeemVideoError(f"{images} holds no image; give the folder that the images lie in.")
    return found


def is_held_out(stem: str) -> bool:
    """Whether a still is kept for evaluation: one in ten, chosen by the SHA-256 of its file name without suffix.

    The name alone decides, so an image that lies in two data sets under one name is held out of both.
    """
    return int(hashlib.sha256(stem.encode()).hexdigest(), 16) % HELD_OUT == 0
