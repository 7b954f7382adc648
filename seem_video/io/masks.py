"""Masks on disk: indexed PNGs in the DAVIS palette, and COCO run lengths in one JSON file.

`masks/00000.png` is named by the frame's index in the source; a pixel's value is its object's id, 0 the background.

`masks.json` is UTF-8 JSON:

    {
      "video": "dog.mp4",                 name of the source
      "size": [720, 1280],                height and width of every mask, in pixels
      "fps": 29.97,                       average frames a second, null where unknown
      "frames": {
        "0": {                            the frame's index in the source
          "time_s": 0.0,                  its presentation time in seconds
          "objects": {
            "1": {                        the object's id; an object that is not visible has area 0
              "rle": {"size": [720, 1280], "counts": "..."},
              "score": 0.97,              predicted IoU, 0 to 1
              "box": [452, 380, 251, 169],   x, y, width, height in pixels, zeros where not visible
              "area": 25731               pixels
            }
          }
        }
      },
      "objects": {"1": {"label": "dog", "color": [128, 0, 0]}}
    }

`rle` is COCO's compressed run-length encoding; `pycocotools.mask.decode(entry["rle"])` gives the (H, W) uint8 mask.
"""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
from PIL import Image

from seem_video.errors import SeemVideoError
from seem_video.io.frame import SourceInfo
from seem_video.io.output import Shot
from seem_video.io.palette import object_color
from seem_video.io.pngs import RUNS, PngFolder, indexed
from seem_video.io.staging import Staged
from seem_video.results import FrameResult

_LARGEST_ID = 255


class MaskPngs(PngFolder):
    """Writes a folder of indexed PNGs; object ids must be below 256."""

    strategy = RUNS

    def picture(self, shot: Shot) -> Image.Image:
        largest = max(shot.result.object_ids, default=0)
        if largest > _LARGEST_ID:
            raise SeemVideoError(
                f"Object {largest} has no place in an indexed PNG; "
                f"number objects from 1 to {_LARGEST_ID}, or leave masks out of what is saved."
            )
        return indexed(label_map(shot.result))


class RleJson:
    """Writes COCO run lengths frame by frame, at constant memory.

    Frames go to disk unbuffered, so that it is known up to where the file is good should the disk fill up.
    """

    def __init__(self, staged: Staged, info: SourceInfo) -> None:
        self.staged = staged
        self._file = self.staged.part.open("wb", buffering=0)
        head = {"video": info.name, "size": [info.height, info.width], "fps": info.fps}
        self._put(json.dumps(head, ensure_ascii=False)[:-1] + ', "frames": {')
        self._head_end = self._end = self._previous_end = self._file.tell()
        self._labels: dict[int, str] = {}

    def write(self, shot: Shot) -> None:
        result = shot.result
        self._labels.update(zip(result.object_ids, result.labels, strict=True))
        separator = "\n" if self._end == self._head_end else ",\n"
        self._put(f'{separator}"{result.index}": {json.dumps(shot.entry)}')
        self._previous_end, self._end = self._end, self._file.tell()

    def close(self) -> bool:
        self._complete(self._end)
        self._file.close()
        return self._end > self._head_end

    def salvage(self) -> bool:
        if self._file.closed:
            return self._end > self._head_end
        try:
            return self.close()
        except OSError:  # the disk is full: the last frame's room serves for the end
            self._end = self._previous_end
            return self.close()

    def _complete(self, end: int) -> None:
        """Cuts the file off after a whole frame and ends the JSON."""
        objects = {
            str(object_id): {"label": label, "color": object_color(object_id)}
            for object_id, label in sorted(self._labels.items())
        }
        self._file.seek(end)
        self._file.truncate()
        self._put('\n}, "objects": ' + json.dumps(objects, ensure_ascii=False) + "}\n")

    def _put(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[self._file.write(data) :]


def label_map(result: FrameResult) -> npt.NDArray[np.uint8]:
    """Each pixel's object id, 0 where there is none: (H, W) uint8."""
    labels = np.zeros(result.image.shape[:2], np.uint8)
    for object_id, mask in zip(result.object_ids, result.masks, strict=True):
        labels[mask] = object_id
    return labels
