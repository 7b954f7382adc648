"""Results read back from masks.json, whose schema is the docstring of `seem_video.io.masks`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seem_video.errors import SeemVideoError
from seem_video.io.frame import Frame
from seem_video.io.run_lengths import decode_mask
from seem_video.results import FrameResult

_CLOCK_TOLERANCE_S = 2e-3


@dataclass(frozen=True)
class StoredMasks:
    """The masks of a run.

    Attributes:
        path: the masks.json.
        size: height and width of every mask, in pixels.
        frames: source index to the frame's entry.
        labels: object id to name.
    """

    path: Path
    size: tuple[int, int]
    frames: dict[int, dict[str, Any]]
    labels: dict[int, str]

    def result(self, frame: Frame) -> FrameResult:
        """The result of one of `frames`, for its picture.

        Raises:
            SeemVideoError: the picture is of another size or time than the masks, or a mask cannot be read.
        """
        entry = self.frames[frame.index]
        height, width = frame.image.shape[:2]
        if (height, width) != self.size or abs(frame.time_s - entry["time_s"]) > _CLOCK_TOLERANCE_S:
            raise SeemVideoError(
                f"Frame {frame.index} is {width}x{height} at {frame.time_s:.3f}s, but in '{self.path}' "
                f"{self.size[1]}x{self.size[0]} at {entry['time_s']:.3f}s; give the source that was tracked."
            )
        ids = sorted(map(int, entry["objects"]))
        objects = [entry["objects"][str(object_id)] for object_id in ids]
        masks = np.zeros((len(ids), *self.size), bool)
        try:
            for mask, value in zip(masks, objects, strict=True):
                mask[:] = decode_mask(value["rle"])
            scores = np.array([value["score"] for value in objects], np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise SeemVideoError(
                f"The masks of frame {frame.index} in '{self.path}' are damaged; track again."
            ) from error
        labels = tuple(self.labels.get(object_id, str(object_id)) for object_id in ids)
        return FrameResult(frame.index, frame.time_s, frame.pts, frame.image, tuple(ids), masks, scores, labels)


def read_masks(folder: Path) -> StoredMasks:
    """Reads the masks.json of a result folder; it is held in memory, as run lengths.

    Raises:
        SeemVideoError: there is none, or it is not of our schema.
    """
    path = folder / "masks.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        height, width = document["size"]
        frames = {int(index): entry for index, entry in document["frames"].items()}
        labels = {int(object_id): value["label"] for object_id, value in document["objects"].items()}
        for entry in frames.values():
            _ = float(entry["time_s"]), entry["objects"].items()
    except OSError as error:
        raise SeemVideoError(
            f"'{path}' cannot be read ({error.strerror}); name the --out folder of a run that saved rle."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SeemVideoError(f"'{path}' is no masks.json of a whole run; track again.") from error
    return StoredMasks(path, (height, width), frames, labels)
