"""Masks as COCO's run lengths, and a frame's entry in masks.json."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco

from seem_video.results import FrameResult

Rle = dict[str, Any]
"""COCO's compressed run lengths: `size` [height, width] and `counts`, ASCII text."""


def encode_mask(mask: npt.NDArray[np.bool_]) -> Rle:
    """The run lengths of a mask (H, W) bool."""
    rle = coco.encode(cv2.transpose(mask.view(np.uint8)).T)  # column by column in memory, as COCO counts
    return {"size": [int(n) for n in rle["size"]], "counts": rle["counts"].decode("ascii")}


def decode_mask(rle: Rle) -> npt.NDArray[np.bool_]:
    """The mask (H, W) bool of run lengths."""
    return np.ascontiguousarray(coco.decode(rle)).view(np.bool_)


def frame_entry(result: FrameResult) -> dict[str, Any]:
    """A frame's entry in masks.json, whose schema is the docstring of `seem_video.io.masks`."""
    objects = {}
    for object_id, mask, score in zip(result.object_ids, result.masks, result.scores, strict=True):
        objects[str(object_id)] = {
            "rle": encode_mask(mask),
            "score": round(float(score), 4),
            "box": list(cv2.boundingRect(mask.view(np.uint8))),
            "area": int(np.count_nonzero(mask)),
        }
    return {"time_s": round(result.time_s, 6), "objects": objects}
