"""Whose work is whose: each open tab has its own clip, thread and folder, and nothing is left when it closes."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TypeVar

from seem_video.app.work import Work
from seem_video.errors import SeemVideoError
from seem_video.tracking.propagation import VideoModel

MOST_BYTES = 500 * 2**20
"""Of an upload."""
MOST_FRAMES = 9000
"""Of an upload: five minutes at 30 frames a second."""

T = TypeVar("T")


class _Seat:
    """One tab's work, done in one thread, and its folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True)
        self.folder = folder
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="seem-video work")
        self.work: Work | None = None


class Desk:
    """The work of all tabs, by a key that only the tab knows."""

    def __init__(self, model: VideoModel, root: Path) -> None:
        """Args: model: shared by all; root: where the tabs' folders are made, under names that cannot be guessed."""
        self._model = model
        self._root = root
        self._seats: dict[str, _Seat] = {}
        self._lock = Lock()

    def open(self, key: str, clip: Path, *, uploaded: bool = False) -> None:
        """Begin work on a clip in place of the work before; an upload is moved into the tab's folder.

        Raises:
            SeemVideoError: the clip cannot be read, or an upload is too long; the work before is gone then too.
        """
        self.close(key)
        seat = _Seat(self._root / secrets.token_urlsafe(16))
        with self._lock:
            self._seats[key] = seat
        try:
            seat.work = seat.thread.submit(self._begin, clip, seat.folder, uploaded).result()
        except BaseException:
            self.close(key)
            raise

    def do(self, key: str, job: Callable[[Work], T]) -> T:
        """Do something with a tab's work, in the thread of that work; raises `SeemVideoError` if there is none."""
        with self._lock:
            seat = self._seats.get(key)
        if seat is None or seat.work is None:
            raise SeemVideoError("There is no video here yet; choose one, or take the demo clip.")
        return seat.thread.submit(job, seat.work).result()

    def each(self, key: str, run: Callable[[Work], Iterator[T]]) -> Iterator[T]:
        """Yield what a run yields, one step at a time, so that other jobs of the tab come in between."""
        steps = self.do(key, run)
        over = object()
        while (step := self.do(key, lambda _: next(steps, over))) is not over:
            yield step  # type: ignore[misc]

    def folder(self, key: str) -> Path:
        """The tab's own folder."""
        with self._lock:
            return self._seats[key].folder

    def close(self, key: str) -> None:
        """End a tab's work, if there is any, and remove its files."""
        with self._lock:
            seat = self._seats.pop(key, None)
        if seat is None:
            return
        if seat.work is not None:
            seat.thread.submit(seat.work.close).result()
        seat.thread.shutdown()
        shutil.rmtree(seat.folder, ignore_errors=True)

    def close_all(self) -> None:
        """End everybody's work."""
        for key in list(self._seats):
            self.close(key)

    def _begin(self, clip: Path, folder: Path, uploaded: bool) -> Work:
        if uploaded:
            moved = folder / f"clip{clip.suffix}"
            shutil.move(clip, moved)
            clip = moved
        work = Work(clip, self._model, folder)
        if uploaded and work.frames > MOST_FRAMES:
            work.close()
            raise SeemVideoError(
                f"The video has {work.frames} frames, and this page takes {MOST_FRAMES}; cut it, "
                "or name it on the command line: seem-video ui clip.mp4."
            )
        return work
