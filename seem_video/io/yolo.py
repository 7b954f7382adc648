"""A YOLO segmentation data set: frames, one polygon an object beside them, and the names of the classes."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import yaml

from seem_video.io.documents import frame_file
from seem_video.io.frame import SourceInfo
from seem_video.io.output import Shot
from seem_video.io.staging import Staged

_JPEG_QUALITY = 95
_LEAST_POINTS = 3  # a line with fewer is read as a box


class YoloFolder:
    """Writes `images/00000.jpg`, `labels/00000.txt` and `data.yaml`, as Ultralytics reads them.

    A line of a label file is `class x y x y ...`, with x and y as shares of width and height. Objects of one name are
    of one class.
    """

    def __init__(self, staged: Staged, info: SourceInfo) -> None:
        self.staged = staged
        self._images, self._labels = self.staged.part / "images", self.staged.part / "labels"
        self._images.mkdir(parents=True)
        self._labels.mkdir()
        self._classes: dict[str, int] = {}
        self._empty = True

    def write(self, shot: Shot) -> None:
        result = shot.result
        file = self._images / frame_file(result.index)
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        _, coded = cv2.imencode(".jpg", cv2.cvtColor(result.image, cv2.COLOR_RGB2BGR), quality)
        file.write_bytes(coded.tobytes())
        lines = []
        for label, mask in zip(result.labels, result.masks, strict=True):
            number = self._classes.setdefault(label, len(self._classes))
            if mask.any():
                lines.append(f"{number} {_shares(outline(mask), mask)}\n")
        (self._labels / file.with_suffix(".txt").name).write_text("".join(lines), encoding="ascii")
        self._empty = False

    def close(self) -> bool:
        names = {number: name for name, number in self._classes.items()}
        document = yaml.safe_dump({"train": "images", "val": "images", "names": names}, allow_unicode=True)
        (self.staged.part / "data.yaml").write_text(document, encoding="utf-8")
        return not self._empty

    salvage = close


def outline(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """The outline of a mask as one polygon, whose parts and holes are joined by seams, there and back the same way.

    Filled by the even-odd rule, as `cv2.fillPoly` does, it gives the mask again, but for the pixels under the seams.

    Args:
        mask: (H, W) bool, not empty.

    Returns:
        (N, 2) int32 x, y of pixels.
    """
    found, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    rings = sorted((np.asarray(ring, np.int32)[:, 0] for ring in found), key=len, reverse=True)
    polygon = rings[0]
    for ring in rings[1:]:
        apart = np.abs(polygon[:, None] - ring[None]).sum(axis=2)
        here, there = np.unravel_index(int(apart.argmin()), apart.shape)
        turned = np.roll(ring, -int(there), axis=0)
        polygon = np.concatenate((polygon[: here + 1], turned, turned[:1], polygon[here:]))
    return np.asarray(polygon, np.int32)


def _shares(polygon: npt.NDArray[np.int32], mask: npt.NDArray[np.bool_]) -> str:
    """The centres of the polygon's pixels as shares of the mask's width and height."""
    missing = max(0, _LEAST_POINTS - len(polygon))
    height, width = mask.shape
    points = np.concatenate((polygon, np.repeat(polygon[-1:], missing, axis=0)))
    return " ".join(f"{(x + 0.5) / width:.6f} {(y + 0.5) / height:.6f}" for x, y in points.tolist())
