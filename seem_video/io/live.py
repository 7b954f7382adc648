"""Live sources: cameras, streams and pipes, whose frames come once; and files played as if they were live."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from seem_video.errors import SeemVideoError
from seem_video.io.ahead import AheadReader
from seem_video.io.frame import Frame, SourceKind
from seem_video.io.pixels import RgbConverter
from seem_video.io.reader import FrameReader, SpanReader
from seem_video.io.video import STALLED, Decoding, describe, seconds

_PATIENCE_S = 10.0  # how long a live source may deliver nothing before it counts as over
_WAITING = ("http", "https", "tcp", "unix")  # schemes whose senders wait while nobody reads
_CAMERA_FPS = 30  # asked of a camera, which takes the nearest that it has at its size
_SMOOTH_FPS = 24  # a camera that gives fewer is asked for JPEG pictures, of which more fit through its cable
_CAMERAS: dict[str, tuple[str, str, dict[str, str]]] = {  # platform -> how its cameras are addressed and opened
    "linux": ("/dev/video{}", "v4l2", {"fflags": "+4"}),  # AVFMT_FLAG_NONBLOCK: else nothing ends the wait for a frame
    "darwin": ("{}", "avfoundation", {}),
}


class LiveReader(SpanReader):
    """A camera, stream or pipe; its clock starts with the first frame.

    Attributes:
        can_wait: nothing is lost while nobody reads, as the sender waits.
    """

    def __init__(
        self, decoding: Decoding, kind: SourceKind, span: range, *, can_wait: bool, pipe: _Pipe | None = None
    ) -> None:
        self.can_wait = can_wait
        self._decoding = decoding
        self._pipe = pipe
        pictures = decoding.pictures()
        first = next(pictures, None)
        if first is None:
            decoding.close()
            raise SeemVideoError(f"'{decoding.name}' delivers no frame; check that it is running.")
        decoding.damage = None  # who tunes in finds the rest of what began before
        super().__init__(describe(decoding, first, kind, None), span)
        self._rgb = RgbConverter(first)
        self._begun = first.pts or 0
        self._pictures = chain((first,), pictures)
        self._opened = False

    def close(self) -> None:
        self._decoding.close()
        if self._pipe:
            self._pipe.close()

    def _forward(self, span: range) -> Iterator[Frame]:
        if self._opened:
            raise self._read_once()
        self._opened = True
        for index, picture in enumerate(self._pictures):
            if index in span:
                pts = None if picture.pts is None else picture.pts - self._begun
                time_s = seconds(self.info, index, pts)
                yield Frame(index, time_s, pts, self._rgb(picture), arrived_s=self._decoding.arrived_s)
            if index >= span[-1]:
                return
        if self._decoding.failure or (self._pipe and self._pipe.stalled):
            self.broken = f"'{self.info.name}' broke off: {self._decoding.failure or STALLED}."
        elif self._decoding.damage:
            self.broken = f"Frames of '{self.info.name}' were lost on the way: {self._decoding.damage}."


class PlayedReader(FrameReader):
    """A video file whose frames come when they would be seen on a player."""

    def __init__(self, reader: FrameReader) -> None:
        self.info = reader.info
        self._reader = reader

    def __iter__(self) -> Iterator[Frame]:
        begun = None
        for frame in self._reader:
            if begun is None:
                begun = time.perf_counter() - frame.time_s
            due = begun + frame.time_s
            time.sleep(max(0.0, due - time.perf_counter()))
            yield replace(frame, arrived_s=due)
        self.broken = self._reader.broken

    def close(self) -> None:
        self._reader.close()


def play(reader: FrameReader) -> AheadReader:
    """Reads in real time: of the frames that come while the caller is busy, it gets the newest alone.

    Raises:
        SeemVideoError: the source has no clock.
    """
    if isinstance(reader, LiveReader):
        return AheadReader(reader, "newest")
    if reader.info.kind != "video":
        raise SeemVideoError(
            f"'{reader.info.name}' has no clock, so it cannot be tracked in real time; "
            "leave --realtime (realtime=True) out, or give a camera, a stream, a pipe or a video."
        )
    return AheadReader(PlayedReader(reader), "newest")


def open_camera(number: int, span: range) -> LiveReader:
    """Opens a camera by its number, from 0.

    Raises:
        SeemVideoError: there is no such camera, it is in use, or this system's cameras cannot be opened by number.
    """
    if sys.platform not in _CAMERAS:
        raise SeemVideoError(f"Cameras cannot be opened by number on {sys.platform}; record a file, or give a stream.")
    decoding = _open_camera(number)
    if (decoding.stream.average_rate or _SMOOTH_FPS) < _SMOOTH_FPS:
        decoding.close()
        try:
            decoding = _open_camera(number, input_format="mjpeg")
        except SeemVideoError:
            decoding = _open_camera(number)
    return LiveReader(decoding, "camera", span, can_wait=False)


def _open_camera(number: int, **options: str) -> Decoding:
    address, device, own = _CAMERAS[sys.platform]
    return Decoding(
        address.format(number),
        f"camera {number}",
        live=True,
        patience_s=_PATIENCE_S,
        advice="check that it is plugged in, not in use, and yours to read",
        format=device,
        options={"framerate": str(_CAMERA_FPS), **own, **options},
    )


def open_stream(address: str, span: range) -> LiveReader:
    """Opens a stream by its address, such as `rtsp://host/path`.

    Raises:
        SeemVideoError: nothing that FFmpeg can read is there.
    """
    scheme = urlsplit(address).scheme
    options = {"rtsp_flags": "prefer_tcp"} if scheme == "rtsp" else {}  # a lost UDP packet spoils all up to a key frame
    decoding = Decoding(address, address, live=True, patience_s=_PATIENCE_S, options=options)
    return LiveReader(decoding, "stream", span, can_wait=scheme in _WAITING)


def open_pipe(source: Path | None, span: range) -> LiveReader:
    """Opens a named pipe, or standard input for None, into which a program writes a video that needs no going back.

    Raises:
        SeemVideoError: nobody writes into it, or nothing that FFmpeg can read.
    """
    if source is None and os.isatty(0):
        raise SeemVideoError("Nothing is piped in; try: ffmpeg -i clip.mp4 -f matroska - | seem-video track - ...")
    name = "standard input" if source is None else source.name
    pipe = _Pipe(os.dup(0) if source is None else os.open(source, os.O_RDONLY))
    try:
        return LiveReader(Decoding(pipe, name, live=True), "stream", span, can_wait=True, pipe=pipe)
    except SeemVideoError:
        pipe.close()
        raise


class _Pipe:
    """A pipe as PyAV reads from it; once something has come, it is waited for no longer than a stream is.

    Attributes:
        stalled: it was given up; to the decoder that is an end as any other, so that it gives out what it holds.
    """

    def __init__(self, descriptor: int) -> None:
        self.stalled = False
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self._begun = False

    def read(self, size: int) -> bytes:
        if self._begun and sys.platform != "win32":  # where only sockets can be waited for
            ready, _, _ = select.select([self._file], [], [], _PATIENCE_S)
            if not ready:
                self.stalled = True
                return b""
        data = self._file.read(size)
        self._begun = True
        return data

    def close(self) -> None:
        self._file.close()
