"""A session: a source, a model, the prompts given so far, and the results they lead to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError
from seem_video.io.reader import Frame, FrameReader, SourceInfo, open_reader
from seem_video.model.released_weights import need_released
from seem_video.prompts import MaskPrompt, Prompt, Reference, Text, to_pixels
from seem_video.results import FrameResult
from seem_video.tracking.propagation import VideoModel
from seem_video.tracking.tracker import Tracker


class VideoSession:
    """Prompts on the frames of one video, and their propagation through it.

    With a reader, `propagate` yields the results of its frames, as often as asked. Without one, `step` takes the frames
    of a live source one at a time.
    """

    def __init__(self, model: VideoModel, reader: FrameReader | None = None, *, max_side: int | None = None) -> None:
        self._model = model
        self._reader = reader
        self._max_side = max_side
        self._prompts: dict[int, dict[int, list[Prompt]]] = {}  # frame -> object -> prompts, in the order given
        self._labels: dict[int, str] = {}
        self._tracker = Tracker(model, max_side=max_side)
        self._next_step = 0

    @property
    def info(self) -> SourceInfo | None:
        """What the source says of itself; None for a session of single steps."""
        return self._reader.info if self._reader else None

    @property
    def object_ids(self) -> list[int]:
        """Ids of all objects that have a prompt, ascending."""
        return sorted({object_id for given in self._prompts.values() for object_id in given})

    def add(self, prompt: Prompt, *, object_id: int = 1, frame: int = 0, label: str | None = None) -> None:
        """Give a prompt: on a frame of its own it starts an object or corrects one that is tracked by then.

        Args:
            prompt: in pixels of the displayed frame, or percentages of its size; text and reference images need a
                released model.
            object_id: 1 to 255; prompts of the same id on the same frame act together.
            frame: number of the frame in the source; with `step`, of the frames stepped through.
            label: a name for the object, kept until another one is given; the words of a text prompt are one too.

        Raises:
            SeemVideoError: the id or frame number cannot be, the prompt does not fit the source's frames, or the model
                takes none of this kind.
        """
        if not 1 <= object_id <= 255:
            raise SeemVideoError(f"Object id {object_id} cannot be; ids go from 1 to 255.")
        if frame < 0:
            raise SeemVideoError(f"Frame {frame} cannot be; frames count from 0.")
        if isinstance(prompt, Text | Reference):
            need_released(self._model, f"look for the {prompt}")
        if self._reader is not None:
            to_pixels(prompt, self._reader.info.height, self._reader.info.width)
        given = self._prompts.setdefault(frame, {}).setdefault(object_id, [])
        if isinstance(prompt, MaskPrompt):  # a mask says all there is to say; what came before it is superseded
            given.clear()
        given.append(prompt)
        if label is not None:
            self._labels[object_id] = label
        elif isinstance(prompt, Text):
            self._labels.setdefault(object_id, prompt.words)

    def remove(self, object_id: int) -> None:
        """Forget an object and all its prompts; raises `SeemVideoError` if there is none of that id."""
        if object_id not in self.object_ids:
            known = ", ".join(map(str, self.object_ids)) or "none"
            raise SeemVideoError(f"There is no object {object_id} to remove; the objects are: {known}.")
        for given in self._prompts.values():
            given.pop(object_id, None)
        self._prompts = {frame: given for frame, given in self._prompts.items() if given}
        self._labels.pop(object_id, None)
        if object_id in self._tracker.object_ids:
            self._tracker.remove(object_id)

    def propagate(
        self, *, start: int | None = None, stop: int | None = None, reverse: bool = False
    ) -> Iterator[FrameResult]:
        """Track all objects and yield the result of each frame as soon as it is there; memory stays bounded.

        Tracking starts afresh in each call. Prompts on frames before `start` (after it, in reverse) are looked at
        first, so that the objects they name are known; an object has no mask on frames before its first prompt.

        Args:
            start: first frame; None for the source's first one, or in reverse for the last prompted one.
            stop: the frame to stop before, as in `range`; None for the end (in reverse, for frame 0 inclusive).
            reverse: go backwards through the video.

        Raises:
            SeemVideoError: no prompt was given, a prompt lies on a frame that the video does not reach, or the source
                cannot be read again.
        """
        reader = self._need_reader()
        if not self._prompts:
            raise SeemVideoError("There is nothing to track: give at least one prompt, for example Click(320, 240).")
        if start is None and reverse:
            start = max(self._prompts)
        self._tracker = Tracker(self._model, max_side=self._max_side)
        pending = set(self._prompts)
        if start is not None:
            for index in sorted((i for i in pending if (i > start if reverse else i < start)), reverse=reverse):
                self._track(reader.read_at(index))
                pending.discard(index)
        for frame in self._frames(reader, start, stop, reverse=reverse):
            pending.discard(frame.index)
            yield self._track(frame)
        if not reverse and stop is None and pending:
            raise SeemVideoError(
                f"A prompt is on frame {min(pending)}, but no such frame of {reader.info.name} was read; "
                "`seem-video info` says how many frames there are."
            )

    def step(self, image: npt.NDArray[np.uint8], *, time_s: float = 0.0) -> FrameResult:
        """Track one more frame of a live source; its number is how many came before it.

        Args:
            image: (H, W, 3) uint8 RGB. time_s: its time in seconds, handed on to the result.
        """
        frame = Frame(index=self._next_step, time_s=time_s, pts=None, image=image)
        result = self._track(frame)
        self._next_step += 1
        return result

    def reset(self) -> None:
        """Forget all prompts and objects, and start counting steps at 0 again."""
        self._prompts, self._labels, self._next_step = {}, {}, 0
        self._tracker = Tracker(self._model, max_side=self._max_side)

    def close(self) -> None:
        """Close the source."""
        if self._reader is not None:
            self._reader.close()

    def __enter__(self) -> VideoSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _need_reader(self) -> FrameReader:
        if self._reader is None:
            raise SeemVideoError("This session has no source to propagate through; give its frames to step() instead.")
        return self._reader

    def _frames(self, reader: FrameReader, start: int | None, stop: int | None, *, reverse: bool) -> Iterator[Frame]:
        if reverse:
            assert start is not None
            yield from reader.reversed(start, 0 if stop is None else stop + 1)
            return
        for frame in reader:
            if stop is not None and frame.index >= stop:
                return
            if start is None or frame.index >= start:
                yield frame

    def _track(self, frame: Frame) -> FrameResult:
        masks, scores = self._tracker.step(frame.index, frame.image, self._prompts.get(frame.index, {}))
        tracked = self._tracker.object_ids
        ids = self.object_ids
        height, width = frame.image.shape[:2]
        all_masks, all_scores = np.zeros((len(ids), height, width), bool), np.zeros(len(ids), np.float32)
        rows = [ids.index(object_id) for object_id in tracked]
        all_masks[rows], all_scores[rows] = masks, scores
        return FrameResult(
            index=frame.index,
            time_s=frame.time_s,
            pts=frame.pts,
            image=frame.image,
            object_ids=tuple(ids),
            masks=all_masks,
            scores=all_scores,
            labels=tuple(self._labels.get(object_id, str(object_id)) for object_id in ids),
        )


def open_session(
    source: str | Path | int | Iterable[npt.NDArray[np.uint8]] | FrameReader,
    model: VideoModel,
    *,
    max_side: int | None = None,
    backend: Literal["pyav", "decord"] = "pyav",
    start: int = 0,
    stop: int | None = None,
    stride: int = 1,
) -> VideoSession:
    """Open a source for tracking.

    Args:
        source: what `open_reader` takes, or a reader that is open already.
        model: from `load_model`.
        max_side: the longest side, in pixels, at which frames are encoded; None for the model's own size.
        backend, start, stop, stride: as in `open_reader`.

    Raises:
        SeemVideoError: the source cannot be read.
    """
    if not isinstance(source, FrameReader):
        source = open_reader(source, backend=backend, start=start, stop=stop, stride=stride)
    return VideoSession(model, source, max_side=max_side)
