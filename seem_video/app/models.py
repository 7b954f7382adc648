"""The models that the page offers: loaded when they are first chosen, fetched where they are not here yet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from threading import Lock

from seem_video.errors import SeemVideoError
from seem_video.model.checkpoints import EMBEDDED, download_model, list_models, load_model
from seem_video.model.released import ReleasedSEEM
from seem_video.model.released_weights import RELEASED, converted_path
from seem_video.tracking.propagation import VideoModel

_ASK_S = 0.5
_MEGABYTE = 1_000_000


def takes_words(model: VideoModel) -> bool:
    """Whether a model takes text and reference images as prompts."""
    return isinstance(model, ReleasedSEEM)


class ModelShelf:
    """Models by name, shared by all works: the page's own one and the last one chosen beside it."""

    def __init__(self, name: str, model: VideoModel, device: str = "auto") -> None:
        """Args: name, model: of the page's own one. device: where others are put, as `load_model` takes it."""
        self.own_name = name
        self._own = model
        self._device = device
        self._other: tuple[str, VideoModel] | None = None
        self._lock = Lock()

    def choices(self) -> list[tuple[str, str]]:
        """What can be chosen: words with the size and whether it is to be fetched, as it is now, and the name."""
        own = [] if self.own_name in (EMBEDDED, *RELEASED) else [(self.own_name, self.own_name)]
        return own + [
            (f"{card.name} ({_size_and_place(card.name, card.size_bytes)})", card.name) for card in list_models()
        ]

    def get(self, name: str) -> VideoModel:
        """A model, loaded if it must be.

        Raises:
            SeemVideoError: there is none of that name, or it can neither be found nor fetched.
        """
        with self._lock:
            if name == self.own_name:
                return self._own
            if name not in (EMBEDDED, *RELEASED):  # what a stranger names must not be a path
                raise SeemVideoError(f"There is no model named '{name}' here; choose one of the list.")
            if self._other is None or self._other[0] != name:
                self._other = name, load_model(name, device=self._device)
            return self._other[1]

    def name_of(self, model: VideoModel) -> str:
        """The name of a model that `get` gave; empty if it is no longer kept."""
        if model is self._own:
            return self.own_name
        return self._other[0] if self._other is not None and self._other[1] is model else ""

    def bring(self, name: str) -> Iterator[str]:
        """Fetch and load a model, saying how far it is; afterwards `get` has it at once. Raises as `get`."""
        done = [0, 0]
        stop = threading.Event()

        def advance(got: int, of: int | None) -> None:
            if stop.is_set():
                raise InterruptedError("the page no longer waits for it")
            done[:] = got, of or 0

        def work() -> None:
            if name in RELEASED:
                download_model(name, on_bytes=advance)
            self.get(name)

        with ThreadPoolExecutor(1, thread_name_prefix="seem-video model") as thread:
            job = thread.submit(work)
            try:
                while True:
                    try:
                        return job.result(_ASK_S)
                    except NotYet:
                        yield _say(name, *done)
            finally:
                stop.set()


def _size_and_place(name: str, size_bytes: int) -> str:
    return ("" if _is_here(name) else "fetch ") + f"{size_bytes / _MEGABYTE:,.0f} MB"


def _is_here(name: str) -> bool:
    return name not in RELEASED or converted_path(name).exists()


def _say(name: str, got: int, of: int) -> str:
    if 0 < got < of:
        return f"Fetching {name}: {got / _MEGABYTE:,.0f} of {of / _MEGABYTE:,.0f} MB."
    return f"Loading {name}." if got or _is_here(name) else f"Fetching {name}."
