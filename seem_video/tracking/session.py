"""A session: a source, a model, the prompts given so far, and the results they lead to."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError
from seem_video.fingerprints import fingerprint_model, fingerprint_source
from seem_video.io.reader import Frame, FrameReader, SourceInfo, open_reader
from seem_video.model.released_weights import need_released
from seem_video.prompts import MaskPrompt, Prompt, Reference, Text, rasterise, to_pixels
from seem_video.prompts.records import to_record
from seem_video.results import FrameResult
from seem_video.tracking.propagation import VideoModel
from seem_video.tracking.session_file import Given, SessionFile, Tracked
from seem_video.tracking.tracker import Tracker


class VideoSession:
    """Prompts on the frames of one video, and their propagation through it.

    With a reader, `propagate` yields the results of its frames, as often as asked. Without one, `step` takes the frames
    of a live source one at a time. With a session file, prompts and results are kept in it, and what is there already
    is not tracked again.
    """

    def __init__(
        self,
        model: VideoModel,
        reader: FrameReader | None = None,
        *,
        max_side: int | None = None,
        file: SessionFile | None = None,
    ) -> None:
        self._model = model
        self._reader = reader
        self._max_side = max_side
        self._file = file
        self._given = file.prompts() if file else []
        self._tracker = Tracker(model, max_side=max_side)
        self._next_step = 0

    @property
    def info(self) -> SourceInfo | None:
        """What the source says of itself; None for a session of single steps."""
        return self._reader.info if self._reader else None

    @property
    def prompts(self) -> tuple[Given, ...]:
        """All prompts that hold, in the order given."""
        return tuple(self._given)

    @property
    def object_ids(self) -> list[int]:
        """Ids of all objects that have a prompt, ascending."""
        return sorted({given.object_id for given in self._given})

    def prompts_on(self, frame: int, *, since: int | None = None) -> dict[int, list[Prompt]]:
        """The prompts of a frame by object; with `since`, those of frames from there on too."""
        on: dict[int, list[Prompt]] = {}
        for given in self._given:
            if (frame if since is None else since) <= given.frame <= frame:
                on.setdefault(given.object_id, []).append(given.prompt)
        return on

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
        given = Given(frame, object_id, prompt, label)
        if any(_same(given, other) for other in self._given):
            return
        kept = self._given
        if isinstance(prompt, MaskPrompt):  # a mask says all there is to say; what came before it is superseded
            kept = [other for other in kept if (other.frame, other.object_id) != (frame, object_id)]
        self._change([*kept, given], frame)

    def rename(self, object_id: int, label: str) -> None:
        """Give an object another name; what is tracked stays. Raises `SeemVideoError` if there is none of that id."""
        self._need_object(object_id, "name")
        named = [replace(given, label=label) if given.object_id == object_id else given for given in self._given]
        self._change(named)

    def label_of(self, object_id: int) -> str:
        """An object's name: the one given last, else the words of its text prompt, else its id."""
        own = [given for given in self._given if given.object_id == object_id]
        named = [given.label for given in own if given.label is not None]
        said = [given.prompt.words for given in own if isinstance(given.prompt, Text)]
        return (named[-1:] or said[:1] or [str(object_id)])[0]

    def undo(self) -> Given:
        """Take back the prompt that was given last; raises `SeemVideoError` if there is none."""
        if not self._given:
            raise SeemVideoError("There is no prompt to undo.")
        last = self._given[-1]
        self._change(self._given[:-1], last.frame)
        return last

    def remove(self, object_id: int) -> None:
        """Forget an object and all its prompts; raises `SeemVideoError` if there is none of that id."""
        self._need_object(object_id, "remove")
        self._change([given for given in self._given if given.object_id != object_id])
        if self._file is not None:
            self._file.forget_object(object_id)
        if object_id in self._tracker.object_ids:
            self._tracker.remove(object_id)

    def propagate(
        self, *, start: int | None = None, stop: int | None = None, reverse: bool = False
    ) -> Iterator[FrameResult]:
        """Track all objects and yield the result of each frame as soon as it is there; memory stays bounded.

        Tracking starts afresh in each call, but for the frames at its beginning whose results are in a session file and
        still hold. Prompts on frames before `start` (after it, in reverse) are looked at first, so that the objects
        they name are known; an object has no mask on frames before its first prompt. In real time, prompts on a frame
        that is dropped hold from the next one that is not: `add(..., frame=result.index + 1)` means as soon as can be.

        Args:
            start: first frame; None for the source's first one, or in reverse for the last prompted one.
            stop: the frame to stop before, as in `range`; None for the end (in reverse, for frame 0 inclusive).
            reverse: go backwards through the video.

        Raises:
            SeemVideoError: no prompt was given, a prompt lies on a frame that the video does not reach, or the source
                cannot be read again.
        """
        reader = self._need_reader()
        if not self._given:
            raise SeemVideoError("There is nothing to track: give at least one prompt, for example Click(320, 240).")
        prompted = {given.frame for given in self._given}
        if start is None and reverse:
            start = max(prompted)
        self._tracker = Tracker(self._model, max_side=self._max_side)
        pending, last, kept = prompted, None, self._file is not None
        for frame, is_asked_for in self._frames(reader, prompted, start, stop, reverse=reverse):
            due = frame.index if not reader.newest_only else 0 if last is None else last + 1
            pending = pending.difference(range(due, frame.index + 1))
            tracked = self._file.result(frame.index, backwards=reverse) if self._file and kept else None
            if tracked is None:
                if kept and last is not None:
                    self._restore(reader, last, reverse=reverse)
                kept = False
                tracked = self._track(frame, since=due, backwards=reverse)
            last = frame.index
            if is_asked_for:
                yield self._result(frame, tracked)
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
        frame = Frame(self._next_step, time_s, pts=None, image=image, arrived_s=time.perf_counter())
        result = self._result(frame, self._track(frame))
        self._next_step += 1
        return result

    def reset(self) -> None:
        """Forget all prompts and objects, and start counting steps at 0 again."""
        self._change([], *{given.frame for given in self._given})
        self._next_step = 0
        self._tracker = Tracker(self._model, max_side=self._max_side)

    def close(self) -> None:
        """Close the source and the session file."""
        if self._reader is not None:
            self._reader.close()
        if self._file is not None:
            self._file.close()

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

    def _need_object(self, object_id: int, what: str) -> None:
        if object_id not in self.object_ids:
            known = ", ".join(map(str, self.object_ids)) or "none"
            raise SeemVideoError(f"There is no object {object_id} to {what}; the objects are: {known}.")

    def _change(self, prompts: list[Given], *frames: int) -> None:
        """Hold other prompts; results from these frames on are in doubt then."""
        self._given = prompts
        if self._file is not None:
            self._file.replace_prompts(prompts)
            for frame in frames:
                self._file.forget_from(frame)

    def _frames(
        self, reader: FrameReader, prompted: set[int], start: int | None, stop: int | None, *, reverse: bool
    ) -> Iterator[tuple[Frame, bool]]:
        """The frames to track, in order, and whether they are asked for: prompted ones before `start` are not."""
        if start is not None:
            before = (index for index in prompted if (index > start if reverse else index < start))
            for index in sorted(before, reverse=reverse):
                yield reader.read_at(index), False
        if reverse:
            assert start is not None
            for frame in reader.reversed(start, 0 if stop is None else stop + 1):
                yield frame, True
            return
        for frame in reader:
            if stop is not None and frame.index >= stop:
                return
            if start is None or frame.index >= start:
                yield frame, True

    def _track(self, frame: Frame, *, since: int | None = None, backwards: bool = False) -> Tracked:
        """Track a frame with the prompts since that frame."""
        prompts = self.prompts_on(frame.index, since=since)
        if backwards:  # there an object's last prompt comes first, which may say no more than what it is not
            known, size = self._tracker.object_ids, frame.image.shape[:2]
            prompts = {i: given for i, given in prompts.items() if i in known or rasterise(given, *size).names_object}
        masks, scores = self._tracker.step(frame.index, frame.image, prompts)
        held = tuple(self._tracker.held_frames) if self._file else ()
        tracked = Tracked(tuple(self._tracker.object_ids), masks, scores, held)
        if self._file is not None:
            self._file.keep(frame.index, tracked, backwards=backwards)
        return tracked

    def _restore(self, reader: FrameReader, last: int, *, reverse: bool) -> None:
        """Make the tracker what it was after frame `last`, from the session file."""
        assert self._file is not None
        after = self._file.result(last, backwards=reverse)
        prompted = {given.frame for given in self._given if (given.frame >= last if reverse else given.frame <= last)}
        for index in sorted({last, *(after.held_frames if after else ()), *prompted}, reverse=reverse):
            tracked = self._file.result(index, backwards=reverse)
            if tracked is not None:
                prompts = {i: on for i, on in self.prompts_on(index).items() if i in tracked.object_ids}
                image = reader.read_at(index).image
                self._tracker.restore(index, image, prompts, tracked.object_ids, tracked.masks, tracked.scores)

    def _result(self, frame: Frame, tracked: Tracked) -> FrameResult:
        """A result with all objects of the session; those that are not tracked yet are empty."""
        ids = self.object_ids
        masks, scores = np.zeros((len(ids), *frame.image.shape[:2]), bool), np.zeros(len(ids), np.float32)
        rows = [ids.index(object_id) for object_id in tracked.object_ids]
        masks[rows], scores[rows] = tracked.masks, tracked.scores
        return FrameResult(
            index=frame.index,
            time_s=frame.time_s,
            pts=frame.pts,
            image=frame.image,
            object_ids=tuple(ids),
            masks=masks,
            scores=scores,
            labels=tuple(map(self.label_of, ids)),
            latency_s=None if frame.arrived_s is None else time.perf_counter() - frame.arrived_s,
        )


def _same(a: Given, b: Given) -> bool:
    whose = (a.frame, a.object_id, a.label) == (b.frame, b.object_id, b.label)
    return whose and to_record(a.prompt) == to_record(b.prompt)


def open_session(
    source: str | Path | int | Iterable[npt.NDArray[np.uint8]] | FrameReader,
    model: VideoModel,
    *,
    max_side: int | None = None,
    backend: Literal["pyav", "decord"] = "pyav",
    start: int = 0,
    stop: int | None = None,
    stride: int = 1,
    realtime: bool = False,
    file: Path | SessionFile | None = None,
) -> VideoSession:
    """Open a source for tracking.

    Args:
        source: what `open_reader` takes, or a reader that is open already.
        model: from `load_model`.
        max_side: the longest side, in pixels, at which frames are encoded; None for the model's own size.
        backend, start, stop, stride, realtime: as in `open_reader`; as it was opened, for an open reader.
        file: a session file to go on with, or to begin; its source must be a video file or a folder of images.

    Raises:
        SeemVideoError: the source cannot be read, or the session file belongs to another source, model or setting.
    """
    if not isinstance(source, FrameReader):
        source = open_reader(source, backend=backend, start=start, stop=stop, stride=stride, realtime=realtime)
    if file is not None:
        file = file if isinstance(file, SessionFile) else SessionFile(file)
        file.claim(_about(source.info, model, max_side, start, stride))
    return VideoSession(model, source, max_side=max_side, file=file)


def _about(info: SourceInfo, model: VideoModel, max_side: int | None, start: int, stride: int) -> Mapping[str, str]:
    """What decides the results of a session beside its prompts."""
    if info.path is None:
        raise SeemVideoError(
            f"{info.name} cannot be read again, so it can have no session file; save it as a video first."
        )
    return {
        "video": fingerprint_source(info.path),
        "model": fingerprint_model(model),
        "model input size": str(max_side),
        "choice of frames": f"from {start} every {stride}",
    }
