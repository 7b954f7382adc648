"""Frames from anything that has them: a video file, images, arrays, a camera, a stream."""

from __future__ import annotations

import glob
import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError
from seem_video.io.frame import Frame as Frame
from seem_video.io.frame import SourceInfo as SourceInfo

STDIN = "-"
"""The source that stands for standard input."""


class FrameReader(ABC):
    """A source of frames, read lazily and at constant memory; a context manager.

    Attributes:
        info: what is known of the source before it is read through.
        broken: None while all is well; after iteration, one sentence on where a damaged source broke off.
        newest_only: it reads in real time; frames that come while the caller is busy are dropped but for the newest.
        dropped: how many were dropped so far.
    """

    info: SourceInfo
    broken: str | None = None
    newest_only: bool = False
    dropped: int = 0

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yields the frames from `start` to `stop`, every `stride`; a file is opened anew each time.

        Raises:
            SeemVideoError: `start` lies beyond the last frame, or a frame cannot be read.
        """

    def reversed(self, start: int, stop: int = 0) -> Iterator[Frame]:
        """Yields the reader's frames from index `start` down to index `stop`, both included, at bounded memory.

        Raises:
            SeemVideoError: the source can be read only once, or has no frame `start`.
        """
        raise self._read_once()

    def read_at(self, index: int) -> Frame:
        """Returns the frame with this index in the source, the very same as in a forward pass.

        Raises:
            SeemVideoError: the source can be read only once, or has no such frame.
        """
        raise self._read_once()

    def close(self) -> None:  # noqa: B027  (most readers hold nothing open between calls)
        """Releases the source; calling it again does no harm."""

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_once(self) -> SeemVideoError:
        return SeemVideoError(
            f"'{self.info.name}' can be read only once, forwards; save it to a file to go back in it."
        )

    def _no_frame(self, index: int, count: int) -> SeemVideoError:
        return SeemVideoError(f"'{self.info.name}' has no frame {index}: its {count} frames are counted from 0.")


class SpanReader(FrameReader):
    """A reader of those frames whose index lies in a span."""

    def __init__(self, info: SourceInfo, span: range) -> None:
        self.info = info
        self._span = span

    def __iter__(self) -> Iterator[Frame]:
        self.broken = None
        index = None
        for frame in self._forward(self._span):
            index = frame.index
            yield frame
        if index is None and self._span.start:
            raise SeemVideoError(f"'{self.info.name}' ends before frame {self._span.start}; start earlier.")

    @abstractmethod
    def _forward(self, span: range) -> Iterator[Frame]:
        """Yields those frames of the source whose index is in `span`, in order, and stops early where it ends."""


class IndexedReader(SpanReader):
    """A source whose every frame can be fetched by its index."""

    def __init__(self, info: SourceInfo, span: range, count: int) -> None:
        super().__init__(info, span)
        self._count = count

    def reversed(self, start: int, stop: int = 0) -> Iterator[Frame]:
        self._check(start)
        return (self._load(index) for index in range(start, stop - 1, -1) if index in self._span)

    def read_at(self, index: int) -> Frame:
        self._check(index)
        return self._load(index)

    def _forward(self, span: range) -> Iterator[Frame]:
        return (self._load(index) for index in range(span.start, min(span.stop, self._count), span.step))

    def _check(self, index: int) -> None:
        if not 0 <= index < self._count:
            raise self._no_frame(index, self._count)

    @abstractmethod
    def _load(self, index: int) -> Frame:
        """Reads one frame, which exists."""


def open_reader(
    source: str | Path | int | Iterable[npt.NDArray[np.uint8]],
    *,
    backend: Literal["pyav", "decord"] = "pyav",
    start: int = 0,
    stop: int | None = None,
    stride: int = 1,
    realtime: bool = False,
) -> FrameReader:
    """Opens a source of frames.

    Args:
        source: a video file, a folder or glob of images (in natural order of their names), one image, a camera's
            number (on Linux also its `/dev/video0`), a stream's address (`rtsp://...`), a pipe (`-` for standard
            input), or arrays (H, W, 3) uint8 RGB.
        backend: what decodes a video file; `decord` needs the extra of that name.
        start, stop, stride: the frames to read, by their index in the source, as in `range`.
        realtime: give the newest frame each time and drop those that came meanwhile; a video file is played at its own
            rate. Without it no frame is dropped: a sender that cannot wait is left, in a sentence, when too many wait.

    Raises:
        SeemVideoError: there is nothing there, or nothing that can be read.
    """
    # Here, not above: these modules build on this one.
    from seem_video.io.ahead import AheadReader
    from seem_video.io.live import LiveReader, play

    reader = _open(source, backend, _span(start, stop, stride))
    if realtime:
        return play(reader)
    if isinstance(reader, LiveReader):
        return AheadReader(reader, "wait" if reader.can_wait else "stop")
    return reader


def is_live(source: object) -> bool:
    """Whether a source is a camera, a stream or a pipe, whose frames come whether or not they are wanted."""
    if not isinstance(source, str | Path):
        return isinstance(source, int)
    if _camera_file(source):
        return True
    if os.path.exists(source):  # for a name too long for the disk, Path.exists raises
        return Path(source).is_fifo()
    return "://" in str(source) or (isinstance(source, str) and (source == STDIN or source.isdecimal()))


def _open(
    source: str | Path | int | Iterable[npt.NDArray[np.uint8]], backend: Literal["pyav", "decord"], span: range
) -> FrameReader:
    from seem_video.io.arrays import open_arrays
    from seem_video.io.images import IMAGE_SUFFIXES, open_images
    from seem_video.io.video import VideoReader

    if not isinstance(source, str | Path | int):
        return open_arrays(source, span)
    if is_live(source):
        return _open_live(source, span)
    assert not isinstance(source, int)
    path = Path(source)
    if not os.path.exists(path):
        return open_images(_expand(str(source)), str(source), span)
    if path.is_dir():
        return open_images([p for p in path.iterdir() if not p.name.startswith(".")], str(source), span, folder=path)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return open_images([path], str(source), span)
    if backend == "decord":
        from seem_video.io.decord_backend import DecordReader

        return DecordReader(path, span)
    return VideoReader(path, span)


def _open_live(source: str | Path | int, span: range) -> FrameReader:
    from seem_video.io.live import open_camera, open_pipe, open_stream

    if source == STDIN:
        return open_pipe(None, span)
    camera = _camera_file(source)
    if camera:
        return open_camera(int(camera[1]), span)
    if not isinstance(source, int) and Path(source).exists():
        return open_pipe(Path(source), span)
    if "://" in str(source):
        return open_stream(str(source), span)
    return open_camera(int(str(source)), span)


def _camera_file(source: str | Path | int) -> re.Match[str] | None:
    """The file by which Linux knows a camera, with its number, if the source is one."""
    return re.fullmatch(r"/dev/video(\d{1,9})", str(source))


def _span(start: int, stop: int | None, stride: int) -> range:
    if start < 0 or stride < 1 or (stop is not None and stop <= start):
        raise SeemVideoError(
            f"No frame lies between start {start} and stop {stop} with stride {stride}; "
            "start counts from 0, stop is greater than start, and stride is at least 1."
        )
    return range(start, sys.maxsize if stop is None else stop, stride)


def _expand(pattern: str) -> list[Path]:
    """The files a glob stands for."""
    found = [Path(name) for name in glob.glob(pattern, recursive=True)]
    if not found and glob.has_magic(pattern):
        raise SeemVideoError(f"No file matches '{pattern}'; check the pattern.")
    if not found:
        raise SeemVideoError(f"There is no file or folder '{pattern}'; check the path.")
    return found
