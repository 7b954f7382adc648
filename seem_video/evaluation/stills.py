"""Annotated stills on disk: a folder of images, and a PNG of ids of the same stem for each.

The ids of a PNG are its instances and 255 is ignored; a PNG of 0 and 255 only is one object. A data set is a folder
with `images/` and `masks/`, the layout that training reads too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
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
    """An image and its mask, as files."""

    image: Path
    mask: Path

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


def find_stills(images: Path, masks: Path, *, held_out: bool = False) -> list[Still]:
    """The images of a folder with their masks, in natural order of their names; with `held_out` those held out alone.

    Raises SeemVideoError where a folder is missing or empty, or an image has no mask.
    """
    for folder in (images, masks):
        if not folder.is_dir():
            raise SeemVideoError(f"{folder} is not a folder; give a folder of images and one of PNG masks.")
    found = sorted((p for p in images.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES), key=natural_key)
    if not found:
        raise SeemVideoError(f"{images} holds no image; give the folder that the images lie in.")
    chosen = [path for path in found if is_held_out(path.stem)] if held_out else found
    if not chosen:
        raise SeemVideoError(f"None of the {len(found)} images in {images} is held out; leave --held-out away.")
    for path in chosen:
        if not (masks / f"{path.stem}.png").is_file():
            raise SeemVideoError(f"{path.name} has no mask {masks / f'{path.stem}.png'}; every image needs one.")
    return [Still(path, masks / f"{path.stem}.png") for path in chosen]


def is_held_out(stem: str) -> bool:
    """Whether a still is kept for evaluation: one in ten, chosen by the SHA-256 of its file name without suffix.

    The name alone decides, so an image that lies in two data sets under one name is held out of both.
    """
    return int(hashlib.sha256(stem.encode()).hexdigest(), 16) % HELD_OUT == 0
