"""Whose work is whose: each has its own clip, thread and folder under a name that nobody can guess, for a time."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar

import torch

from seem_video.app.uploads import check_container, check_length
from seem_video.app.work import Work
from seem_video.errors import SeemVideoError
from seem_video.tracking.encoding import use_threads
from seem_video.tracking.propagation import VideoModel

T = TypeVar("T")
KEPT_HOURS = 12
"""Work that nobody touched for so long is removed."""
MOST_WORKS = 20
"""Beyond so many, the one that was not touched for longest is removed."""
_SWEEP_S = 600


class _Seat:
    """One work at a time, done in one thread as its session file asks for, and a folder for it and its clip."""

    def __init__(self, folder: Path, begin: Callable[[Path], Work], threads: int) -> None:
        """Args: folder: to be made. begin: makes the first work in it. threads: that PyTorch may use for it."""
        folder.mkdir(mode=0o700, parents=True)
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "seem-video work", use_threads, (threads,))
        # of its thread alone: what is asked for meanwhile is done with what is then here
        self._work: Work | None = None
        self.touched = time.monotonic()
        try:
            self._run(lambda: self._take(begin(folder)))
        except BaseException:
            self.clear()
            raise

    def do(self, job: Callable[[Work], T]) -> T:
        def with_work() -> T:
            assert self._work is not None
            return job(self._work)

        return self._run(with_work)

    def change(self, remake: Callable[[Work, Path], Work]) -> None:
        """Put another work in place of this one, unless making it fails."""

        def exchange(old: Work) -> None:
            folder = Path(tempfile.mkdtemp(dir=self._folder))
            try:
                self._take(remake(old, folder))
            except BaseException:
                shutil.rmtree(folder)
                raise
            old.close()

        self.do(exchange)

    def clear(self) -> None:
        if self._work is not None:
            self.do(Work.close)
        self._thread.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _take(self, work: Work) -> None:
        self._work = work

    def _run(self, job: Callable[[], T]) -> T:
        self.touched = time.monotonic()
        try:
            done = self._thread.submit(job)
        except RuntimeError:  # the thread has ended
            raise SeemVideoError("This work was closed meanwhile; open the video again.") from None
        return done.result()


class Desk:
    """All works, by keys that only their users know."""

    def __init__(self, root: Path) -> None:
        """Args: root: where the works' folders are made."""
        self._root = root
        self._threads = torch.get_num_threads()
        self._seats: dict[str, _Seat] = {}
        self._lock = Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._sweep_now_and_then, name="seem-video desk", daemon=True).start()

    def new_key(self) -> str:
        """A key that nobody can guess, for a work to be opened."""
        return secrets.token_urlsafe(24)

    def has(self, key: str) -> bool:
        """Whether there is work under this key."""
        return key in self._seats

    def open(self, key: str, clip: Path, model: VideoModel, *, uploaded: bool = False) -> None:
        """Begin work on a clip in place of the work before under this key, which stays if this fails.

        Args:
            key: from `new_key`. clip: a video file or folder of images. model: that finds the masks. uploaded: move the
                clip into the work's folder, and take it only if `uploads` allows it.

        Raises:
            SeemVideoError: the clip cannot be read, or is refused.
        """
        begin = partial(_begin, clip=clip, model=model, uploaded=uploaded)
        seat = _Seat(self._root / secrets.token_urlsafe(16), begin, self._threads)
        with self._lock:
            before = self._seats.pop(key, None)
            self._seats[key] = seat
        if before is not None:
            before.clear()
        self.sweep()

    def change(self, key: str, remake: Callable[[Work, Path], Work]) -> None:
        """Put another work, on the same clip, in place of the one under this key, which stays if this fails.

        Args:
            key: of a work. remake: makes the new work of the old one, in a folder of its own.

        Raises:
            SeemVideoError: there is no work, or `remake` raises it.
        """
        self._seat(key).change(remake)

    def do(self, key: str, job: Callable[[Work], T]) -> T:
        """Do something with a work, in its own thread; raises `SeemVideoError` if there is none."""
        return self._seat(key).do(job)

    def each(self, key: str, run: Callable[[Work], Iterator[T]]) -> Iterator[T]:
        """Yield what a run yields, a step at a time so that other jobs of the work come in between.

        It ends when the work is closed or another one takes its place, whatever comes of the step that it is at then.
        """
        seat = self._seat(key)
        steps = seat.do(run)
        while self._seats.get(key) is seat:
            try:
                step = seat.do(lambda _: next(steps, None))
            except Exception:
                if self._seats.get(key) is seat:
                    raise
                return
            if step is None or self._seats.get(key) is not seat:
                return
            yield step

    def close(self, key: str) -> None:
        """End a work, if there is one, and remove its files."""
        with self._lock:
            seat = self._seats.pop(key, None)
        if seat is not None:
            seat.clear()

    def sweep(self, idle_s: float = KEPT_HOURS * 3600, most: int = MOST_WORKS) -> None:
        """Close what was not touched for `idle_s` seconds, and all but the `most` works touched last."""
        ordered = sorted(self._seats.items(), key=lambda item: item[1].touched, reverse=True)
        for place, (key, seat) in enumerate(ordered):
            if place >= most or time.monotonic() - seat.touched > idle_s:
                self.close(key)

    def close_all(self) -> None:
        """End everybody's work."""
        self._closed.set()
        for key in list(self._seats):
            self.close(key)

    def _seat(self, key: str) -> _Seat:
        with self._lock:
            seat = self._seats.get(key)
        if seat is None:
            raise SeemVideoError("There is no video here yet; open one, or take the demo clip.")
        return seat

    def _sweep_now_and_then(self) -> None:
        while not self._closed.wait(_SWEEP_S):
            self.sweep()


def _begin(folder: Path, clip: Path, model: VideoModel, *, uploaded: bool) -> Work:
    if not uploaded:
        return Work(clip, model, folder)
    own = folder / "clip"
    own.mkdir()
    clip = Path(shutil.move(clip, own / clip.name))
    check_container(clip)
    work = Work(clip, model, folder)
    try:
        check_length(clip.name, work.frames)
    except SeemVideoError:
        work.close()
        raise
    return work
