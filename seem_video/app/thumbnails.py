"""A strip of small pictures along the slider, so that one finds a place in the clip."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np

from seem_video.io.reader import open_reader

_COUNT = 12
_HEIGHT = 48
_JPEG_QUALITY = 70


def draw_strip(source: Path, frames: int) -> str:
    """HTML of one picture, of about a dozen frames spread evenly over a clip of `frames` frames; read in one pass.

    Raises:
        SeemVideoError: the source cannot be read.
    """
    stride = max(1, frames // _COUNT)
    with open_reader(source, start=stride // 2, stride=stride) as reader:
        width = max(1, round(reader.info.width * _HEIGHT / reader.info.height))
        strip = np.hstack([cv2.resize(each.image, (width, _HEIGHT), interpolation=cv2.INTER_AREA) for each in reader])
    encoded = cv2.imencode(".jpg", strip[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
    data = base64.b64encode(encoded).decode()
    return f'<img src="data:image/jpeg;base64,{data}" alt="Frames of the clip; click to go there" draggable="false">'
