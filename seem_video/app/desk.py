"""Whose work is whose: each open tab has its own clip, thread and folder, and nothing is left when it closes."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TypeVar

from seem_video.app.uploads import check_container, check_length
from seem_video.app.work import Work
from seem_video.errors import SeemVideoError
from seem_video.tracking.propagation import VideoModel

T = TypeVar("T")


class _Seat:
    """One tab's work, done in one thread as its session file asks for, and its folder."""

    def __init__(self, folder: Path, model: VideoModel, clip: Path, uploaded: bool) -> None:
        folder.mkdir(mode=0o700, parents=True)
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="seem-video work")
        self._work: Work | None = None
        try:
            self._work = self._thread.submit(self._begin, model, clip, uploaded).result()
        except BaseException:
            self.clear()
            raise

    def do(self, job: Callable[[Work], T]) -> T:
        assert self._work is not None
        return self._thread.submit(job, self._work).result()

    def clear(self) -> None:
        if self._work is not None:
            self.do(Work.close)
        self._thread.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _begin(self, model: VideoModel, clip: Path, uploaded: bool) -> Work:
        if not uploaded:
            return Work(clip, model, self._folder)
        own = self._folder / "clip"
        own.mkdir()
        clip = Path(shutil.move(clip, own / clip.name))
        check_container(clip)
        work = Work(clip, model, self._folder)
        try:
            check_length(clip.name, work.frames)
        except SeemVideoError:
            work.close()
            raise
        return work


class Desk:
    """The work of all tabs, by a key that only the tab knows."""

    def __init__(self, model: VideoModel, root: Path) -> None:
        """Args: model: shared by all; root: where the tabs' folders are made, under names that cannot be guessed."""
        self._model = model
        self._root = root
        self._seats: dict[str, _Seat] = {}
        self._lock = Lock()

    def open(self, key: str, clip: Path, *, uploaded: bool = False) -> None:
        """Begin work on a clip in place of the tab's work before, which stays if this fails.

        Args:
            key: the tab's. clip: a video file or folder of images. uploaded: move the clip into the tab's folder, and
                take it only if `uploads` allows it.

        Raises:
            SeemVideoError: the clip cannot be read, or is refused.
        """
        seat = _Seat(self._root / secrets.token_urlsafe(16), self._model, clip, uploaded)
        with self._lock:
            before = self._seats.pop(key, None)
            self._seats[key] = seat
        if before is not None:
            before.clear()

    def do(self, key: str, job: Callable[[Work], T]) -> T:
        """Do something with a tab's work, in the thread of that work; raises `SeemVideoError` if there is none."""
        return self._seat(key).do(job)

    def each(self, key: str, run: Callable[[Work], Iterator[T]]) -> Iterator[T]:
        """Yield what a run yields, a step at a time so that other jobs of the tab come in between.

        It ends when the tab is closed or goes on to another clip.
        """
        seat = self._seat(key)
        steps = seat.do(run)
        while self._seats.get(key) is seat and (step := seat.do(lambda _: next(steps, None))) is not None:
            yield step

    def close(self, key: str) -> None:
        """End a tab's work, if there is any, and remove its files."""
        with self._lock:
            seat = self._seats.pop(key, None)
        if seat is not None:
            seat.clear()

    def close_all(self) -> None:
        """End everybody's work."""
        for key in list(self._seats):
            self.close(key)

    def _seat(self, key: str) -> _Seat:
        with self._lock:
            seat = self._seats.get(key)
        if seat is None:
            raise SeemVideoError("There is no video here yet; open one, or take the demo clip.")
        return seat
