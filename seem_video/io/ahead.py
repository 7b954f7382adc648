"""Frames read by a thread of their own: reading overlaps what is done with them, and a live source need not wait."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal, TypeVar

from seem_video.io.frame import Frame, SourceInfo
from seem_video.io.reader import FrameReader

WhenFull = Literal["wait", "stop", "newest"]
"""What becomes of a frame that comes while enough are waiting: the source waits with it; reading stops; or it takes the
place of the one that was waiting."""

_AHEAD = 4  # frames that wait for the tracker before the source does
_BACKLOG_BYTES = 256 * 2**20  # how much of frames waits before a source that cannot wait is given up
_BACKLOG_FRAMES = 8  # at least so many, however large
_LEAVE_S = 1.0  # how long a reading thread is waited for; one that is stuck in a driver ends with the process

_T = TypeVar("_T")


class AheadReader(FrameReader):
    """The frames of another reader, read by a thread while the caller is busy with those before.

    Attributes:
        waited_s: seconds that the caller has waited for frames.
    """

    def __init__(self, reader: FrameReader, when_full: WhenFull = "wait") -> None:
        self.info = reader.info
        self.newest_only = when_full == "newest"
        self.waited_s = 0.0
        self._reader = reader
        self._when_full = when_full
        self._turn = threading.Lock()  # a decoder serves one thread at a time

    def __iter__(self) -> Iterator[Frame]:
        return self._ahead(iter(self._reader))

    def reversed(self, start: int, stop: int = 0) -> Iterator[Frame]:
        return self._ahead(self._reader.reversed(start, stop))

    def read_at(self, index: int) -> Frame:
        with self._turn:
            return self._clocked(lambda: self._reader.read_at(index))

    def close(self) -> None:
        if self._turn.acquire(timeout=_LEAVE_S):
            self._reader.close()
            self._turn.release()

    def _ahead(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        self.broken, self.dropped = None, 0
        belt = _Belt(_room(self.info, self._when_full), self._when_full)
        thread = threading.Thread(target=self._read, args=(frames, belt), name="seem-video reader", daemon=True)
        thread.start()
        try:
            while (frame := self._clocked(belt.take)) is not None:
                self.dropped = belt.dropped
                yield frame
            self.broken = self._reader.broken
            if belt.overrun:
                self.broken = (
                    f"'{self.info.name}' came faster than it could be tracked, and was left when {belt.room} frames "
                    "waited; with --realtime (realtime=True) frames in between are left out instead."
                )
        finally:
            self.dropped = belt.dropped
            belt.stop()
            thread.join(_LEAVE_S)

    def _read(self, frames: Iterator[Frame], belt: _Belt) -> None:
        try:
            wanted = True
            while wanted:
                with self._turn:
                    frame = next(frames, None)
                wanted = frame is not None and belt.put(frame)
            belt.end()
        except BaseException as error:  # whatever it is, the caller is to see it
            belt.end(error)

    def _clocked(self, get: Callable[[], _T]) -> _T:
        begun = time.perf_counter()
        try:
            return get()
        finally:
            self.waited_s += time.perf_counter() - begun


class _Belt:
    """Frames on their way from the thread that reads to the one that tracks.

    The first frame, which has the first prompts, is never replaced by a newer one.

    Attributes:
        room: how many frames may wait. dropped: how many were replaced by newer ones.
        overrun: reading stopped as too many were waiting.
    """

    def __init__(self, room: int, when_full: WhenFull) -> None:
        self.room = room
        self.dropped = 0
        self.overrun = False
        self._when_full = when_full
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._first_taken = self._ended = self._stopped = False
        self._error: BaseException | None = None

    def put(self, frame: Frame) -> bool:
        """Hands a frame over; False when no more are wanted."""
        with self._changed:
            if self._when_full == "newest" and len(self._frames) > (not self._first_taken):
                self._frames.pop()
                self.dropped += 1
            elif self._when_full == "stop" and len(self._frames) >= self.room:
                self.overrun = True
                return False
            elif self._when_full == "wait":
                self._changed.wait_for(lambda: len(self._frames) < self.room or self._stopped)
            self._frames.append(frame)
            self._changed.notify_all()
            return not self._stopped

    def end(self, error: BaseException | None = None) -> None:
        """There are no more frames, or reading failed."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def take(self) -> Frame | None:
        """Waits for a frame; None after the last one. Raises what reading raised."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._ended)
            self._first_taken = True
            self._changed.notify_all()
            if self._frames:
                return self._frames.popleft()
            if self._error is not None:
                raise self._error
            return None

    def stop(self) -> None:
        """No more frames are wanted."""
        with self._changed:
            self._stopped = True
            self._frames.clear()
            self._changed.notify_all()


def _room(info: SourceInfo, when_full: WhenFull) -> int:
    if when_full == "stop":
        return max(_BACKLOG_FRAMES, _BACKLOG_BYTES // (info.width * info.height * 3))
    return 1 if when_full == "newest" else _AHEAD
