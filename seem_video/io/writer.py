"""Writes what the tracker finds, one frame at a time and beside it: the overlay, the masks, the contact sheet."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError
from seem_video.io.contact import ContactSheet
from seem_video.io.encode import OverlayVideo
from seem_video.io.frame import SourceInfo
from seem_video.io.masks import MaskPngs, RleJson
from seem_video.io.overlay import draw_overlay
from seem_video.io.staging import Staged, failure, prepare_folder
from seem_video.prompts import PromptEntry
from seem_video.results import FrameResult


class Output(Protocol):
    """One kind of output, fed frame by frame."""

    staged: Staged

    def write(self, result: FrameResult, drawn: npt.NDArray[np.uint8] | None) -> None:
        """Takes one frame, and the picture of it with its masks drawn where any output wants that."""

    def close(self) -> bool:
        """Makes the output whole under its temporary name; False if there is nothing in it."""

    def salvage(self) -> bool:
        """Makes whole what can be, even after `write` or `close` has failed; False if there is nothing in it."""


_OUTPUTS: dict[str, Callable[[Path, SourceInfo], Output]] = {
    "overlay": OverlayVideo,
    "masks": MaskPngs,
    "rle": RleJson,
    "contact": ContactSheet,
}
_DRAWN = ("overlay", "contact")  # outputs that show the masks drawn
_WAITING = 4  # results that may wait for the writing thread before the tracker does


class ResultWriter:
    """Writes results into a folder, in a thread of its own so that encoding overlaps the model; a context manager.

    Each output gets its final name only in `finish`. Left by an exception or Ctrl-C instead, what there is so far is
    closed properly and named as partial: `overlay.partial.mp4`, `masks.partial/`, `masks.partial.json`,
    `contact_sheet.partial.png`; an earlier whole result stays.

    Args:
        out: the folder, created where it is missing.
        info: the source of the results.
        save: which outputs: "overlay" (overlay.mp4), "masks" (masks/00000.png, ...), "rle" (masks.json), "contact"
            (contact_sheet.png).
        prompts: frame index to the prompts given on that frame, in pixels, to be drawn there.
        overwrite: write into a folder that is not empty, replacing an earlier result.

    Attributes:
        partial: the paths of what was kept without `finish`.

    Raises:
        SeemVideoError: the folder is not empty or cannot be written to, or there is no output of that name.
    """

    def __init__(
        self,
        out: str | Path,
        info: SourceInfo,
        *,
        save: Collection[str] = tuple(_OUTPUTS),
        prompts: Mapping[int, Sequence[PromptEntry]] | None = None,
        overwrite: bool = False,
    ) -> None:
        self.partial: tuple[Path, ...] = ()
        self._out = Path(out)
        self._prompts = prompts or {}
        self._draws = any(name in save for name in _DRAWN)
        self._error: Exception | None = None
        self._done = False
        _check(save)
        prepare_folder(self._out, overwrite)
        self._outputs: list[Output] = []
        try:
            for name in save:
                self._outputs.append(_OUTPUTS[name](self._out, info))
        except (OSError, av.FFmpegError) as error:
            raise failure(error, self._out) from error
        self._queue: queue.Queue[FrameResult | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._work, name="seem-video writer", daemon=True)
        self._thread.start()

    def write(self, result: FrameResult) -> None:
        """Hands over one result, whose arrays must not be changed afterwards; waits while the writing is behind.

        Raises:
            SeemVideoError: an earlier frame could not be written, for example as the disk is full.
        """
        self._raise_error()
        self._queue.put(result)

    def finish(self) -> tuple[Path, ...]:
        """Writes what is left, closes every output and gives it its final name.

        Returns:
            the paths of the outputs; empty ones are left out.

        Raises:
            SeemVideoError: something could not be written.
        """
        self._stop()
        self._raise_error()
        try:
            whole = [(output.staged, output.close()) for output in self._outputs]
            self._done = True
            for staged, kept in whole:
                if not kept:
                    staged.discard()
            return tuple(staged.publish() for staged, kept in whole if kept)
        except (OSError, av.FFmpegError) as error:
            raise failure(error, self._out) from error

    def abort(self) -> None:
        """Closes every output and names it as partial; does nothing after `finish` or a second time."""
        if self._done:
            return
        self._done = True
        self._stop()
        self.partial = tuple(path for output in self._outputs if (path := _keep(output)))

    def __enter__(self) -> ResultWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    def _work(self) -> None:
        """The writing thread: takes results until told to stop; after an error it only empties the queue."""
        while (result := self._queue.get()) is not None:
            if self._error is not None:
                continue
            try:
                drawn = draw_overlay(result, self._prompts.get(result.index, ())) if self._draws else None
                for output in self._outputs:
                    output.write(result, drawn)
            except Exception as error:  # whatever it is, the caller is to see it
                self._error = error

    def _stop(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _raise_error(self) -> None:
        if isinstance(self._error, OSError | av.FFmpegError):
            raise failure(self._error, self._out) from self._error
        if self._error is not None:
            raise self._error


def _check(save: Collection[str]) -> None:
    unknown = [name for name in save if name not in _OUTPUTS]
    if unknown or not save:
        raise SeemVideoError(f"There is no output '{', '.join(unknown)}'; choose among {', '.join(_OUTPUTS)}.")


def _keep(output: Output) -> Path | None:
    """Names an output as partial; one that cannot be saved must not keep the others from it."""
    try:
        if output.salvage():
            return output.staged.keep_partial()
        output.staged.discard()
    except (OSError, av.FFmpegError):
        pass
    return None
