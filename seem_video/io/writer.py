"""Writes what the tracker finds, one frame at a time and beside it, in as many kinds of output as asked for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import av

from seem_video.errors import SeemVideoError
from seem_video.io.backgrounds import BlurredBackgroundVideo, GreenScreenVideo
from seem_video.io.coco_json import CocoJson, YouTubeVisJson
from seem_video.io.contact import ContactSheet
from seem_video.io.cutout import PRORES_4444, VP9, CutoutPngs, CutoutVideo
from seem_video.io.cvat import CvatXml
from seem_video.io.encode import OverlayVideo
from seem_video.io.frame import SourceInfo
from seem_video.io.label_studio import LabelStudioJson
from seem_video.io.masks import MaskPngs, RleJson
from seem_video.io.output import Output, Shot
from seem_video.io.palette import Color
from seem_video.io.preview import Preview
from seem_video.io.staging import Staged, failure, prepare_folder
from seem_video.io.yolo import YoloFolder
from seem_video.prompts import PromptEntry
from seem_video.results import FrameResult


class _Kind(NamedTuple):
    """The file or folder of an output, and what makes it."""

    file: str
    make: Callable[[Staged, SourceInfo], Output]


_KINDS: dict[str, _Kind] = {
    "overlay": _Kind("overlay.mp4", OverlayVideo),
    "masks": _Kind("masks", MaskPngs),
    "rle": _Kind("masks.json", RleJson),
    "contact": _Kind("contact_sheet.png", ContactSheet),
    "cutout-webm": _Kind("cutout.webm", partial(CutoutVideo, coding=VP9)),
    "cutout-mov": _Kind("cutout.mov", partial(CutoutVideo, coding=PRORES_4444)),
    "cutout-png": _Kind("cutout", CutoutPngs),
    "green": _Kind("green_screen.mp4", GreenScreenVideo),
    "blur": _Kind("blurred_background.mp4", BlurredBackgroundVideo),
    "gif": _Kind("preview.gif", Preview),
    "webp": _Kind("preview.webp", Preview),
    "coco": _Kind("coco.json", CocoJson),
    "ytvis": _Kind("youtube_vis.json", YouTubeVisJson),
    "yolo": _Kind("yolo", YoloFolder),
    "cvat": _Kind("cvat.xml", CvatXml),
    "labelstudio": _Kind("label_studio.json", LabelStudioJson),
}
FILES = {name: kind.file for name, kind in _KINDS.items()}
"""What can be saved, and the file or folder of each."""
USUAL = ("overlay", "masks", "rle", "contact")
"""What is saved unless something else is asked for."""
_WAITING = 4  # results that may wait for the writing thread before the tracker does


class ResultWriter:
    """Writes results into a folder, in a thread of its own so that encoding overlaps the model; a context manager.

    Each output gets its final name only in `finish`. Left by an exception or Ctrl-C instead, what there is so far is
    closed properly and named as partial: `overlay.partial.mp4`, `masks.partial/`, `masks.partial.json`,
    `contact_sheet.partial.png`; an earlier whole result stays.

    Args:
        out: the folder, created where it is missing.
        info: the source of the results.
        save: which outputs, of those in `FILES`; docs/outputs.md describes them.
        prompts: frame index to the prompts given on that frame, in pixels, to be drawn there.
        colors: object id to the colour it is drawn in, of those that have another one than the palette's.
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
        save: Collection[str] = USUAL,
        prompts: Mapping[int, Sequence[PromptEntry]] | None = None,
        colors: Mapping[int, Color] | None = None,
        overwrite: bool = False,
    ) -> None:
        self.partial: tuple[Path, ...] = ()
        self._out = Path(out)
        self._prompts = prompts or {}
        self._colors = colors
        self._error: Exception | None = None
        self._done = False
        kinds = _kinds(save)
        prepare_folder(self._out, overwrite)
        self._outputs: list[Output] = []
        try:
            for kind in kinds:
                self._outputs.append(kind.make(Staged(self._out, kind.file), info))
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
                shot = Shot(result, self._prompts.get(result.index, ()), self._colors)
                for output in self._outputs:
                    output.write(shot)
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


def _kinds(save: Collection[str]) -> list[_Kind]:
    unknown = [name for name in save if name not in _KINDS]
    if unknown or not save:
        raise SeemVideoError(f"There is no output '{', '.join(unknown)}'; choose among {', '.join(_KINDS)}.")
    return [_KINDS[name] for name in dict.fromkeys(save)]


def _keep(output: Output) -> Path | None:
    """Names an output as partial; one that cannot be saved must not keep the others from it."""
    try:
        if output.salvage():
            return output.staged.keep_partial()
        output.staged.discard()
    except (OSError, av.FFmpegError):
        pass
    return None
