"""Cameras and streams: frames as they come, once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from typing import Any

from seem_video.errors import SeemVideoError
from seem_video.io.frame import Frame, SourceKind
from seem_video.io.pixels import RgbConverter
from seem_video.io.reader import SpanReader
from seem_video.io.video import Decoding, describe, seconds

_PATIENCE_S = 10.0  # how long a stream may deliver nothing
_CAMERAS: dict[str, tuple[str, dict[str, Any]]] = {  # platform -> how its cameras are addressed and opened
    "linux": ("/dev/video{}", {"format": "v4l2"}),
    "darwin": ("{}", {"format": "avfoundation", "options": {"framerate": "30"}}),
}


class LiveReader(SpanReader):
    """A camera or stream; its clock starts with the first frame."""

    def __init__(self, decoding: Decoding, kind: SourceKind, span: range) -> None:
        self._decoding = decoding
        pictures = decoding.pictures()
        first = next(pictures, None)
        if first is None:
            decoding.close()
            raise SeemVideoError(f"'{decoding.name}' delivers no frame; check that it is running.")
        super().__init__(describe(decoding, first, kind, None), span)
        self._rgb = RgbConverter(first)
        self._begun = first.pts or 0
        self._pictures = chain((first,), pictures)
        self._opened = False

    def close(self) -> None:
        self._decoding.close()

    def _forward(self, span: range) -> Iterator[Frame]:
        if self._opened:
            raise self._read_once()
        self._opened = True
        for index, picture in enumerate(self._pictures):
            if index in span:
                pts = None if picture.pts is None else picture.pts - self._begun
                yield Frame(index, seconds(self.info, index, pts), pts, self._rgb(picture))
            if index >= span[-1]:
                return
        if self._decoding.damage:
            self.broken = f"'{self.info.name}' broke off: {self._decoding.damage}."


def open_camera(number: int, span: range) -> LiveReader:
    """Opens a camera by its number, from 0.

    Raises:
        SeemVideoError: there is no such camera, it is in use, or this system's cameras cannot be opened by number.
    """
    if sys.platform not in _CAMERAS:
        raise SeemVideoError(f"Cameras cannot be opened by number on {sys.platform}; record a file, or give a stream.")
    address, options = _CAMERAS[sys.platform]
    try:
        decoding = Decoding(address.format(number), f"camera {number}", **options)
    except SeemVideoError:
        raise SeemVideoError(f"Camera {number} cannot be opened; check that it is plugged in and not in use.") from None
    return LiveReader(decoding, "camera", span)


def open_stream(address: str, span: range) -> LiveReader:
    """Opens a stream by its address, such as `rtsp://host/path`.

    Raises:
        SeemVideoError: nothing that FFmpeg can read is there.
    """
    return LiveReader(Decoding(address, address, timeout=_PATIENCE_S), "stream", span)
