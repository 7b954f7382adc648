"""Small datasets in DAVIS's layout, drawn at test time."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image


class StandIn(torch.nn.Linear):
    """What a run records of a model, without one: a few weights, a device and a precision."""

    device, precision = torch.device("cpu"), torch.float32

    def __init__(self) -> None:
        super().__init__(2, 2)


def draw_dataset(root: Path, sequences: list[str], *, year: int = 2017, value: int = 1, length: int = 5) -> Path:
    """A DAVIS root whose sequences each show one square that moves right; returns its folder of annotations."""
    annotations = root / "Annotations" / "480p"
    (root / "ImageSets" / str(year)).mkdir(parents=True)
    (root / "ImageSets" / str(year) / "val.txt").write_text("".join(f"{name}\n" for name in sequences))
    annotations.mkdir(parents=True)
    for name in sequences:
        images = root / "JPEGImages" / "480p" / name
        for folder in (annotations / name, images):
            folder.mkdir(parents=True)
        for t in range(length):
            mask = np.zeros((24, 32), np.uint8)
            mask[6:14, 4 + t : 14 + t] = value
            Image.fromarray(mask).save(annotations / name / f"{t:05}.png")
            Image.fromarray((mask > 0).astype(np.uint8) * 255).save(images / f"{t:05}.jpg")
    return annotations
