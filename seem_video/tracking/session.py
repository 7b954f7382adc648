"""A session: a source, a model, the prompts given so far, and the results they lead to."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError
from seem_video.fingerprints import fingerprint_model, fingerprint_source
from seem_video.io.arrays import check_image
from seem_video.io.reader import Frame, FrameReader, SourceInfo, open_reader
from seem_video.model.released_weights import need_released
from seem_video.prompts import Prompt, PromptEntry, Reference, Text, to_pixels
from seem_video.results import FrameResult
from seem_video.tracking.encoding import encode_ahead, encoders_for, threads_for_each
from seem_video.tracking.given_prompts import GivenPrompts
from seem_video.tracking.propagation import VideoModel
from seem_video.tracking.run import Run, in_order
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
        """Args: as for `open_session`, but that a session file is claimed already; no reader for single steps.

        Raises:
            SeemVideoError: the session file is damaged.
        """
        self._model = model
        self._reader = reader
        self._max_side = max_side
        self._file = file
        self._given = GivenPrompts(tuple(file.prompts()) if file else ())
        self._run: Run
        self._steps: int
        self._step_size: tuple[int, int] | None  # height and width of the first step
        self._begin_steps()

    @property
    def info(self) -> SourceInfo | None:
        """What the source says of itself; None for a session of single steps."""
        return self._reader.info if self._reader else None

    @property
    def prompts(self) -> tuple[Given, ...]:
        """All prompts that hold, in the order given."""
        return self._given.all

    @property
    def object_ids(self) -> list[int]:
        """Ids of all objects that have a prompt, ascending."""
        return self._given.object_ids

    def prompts_on(self, frame: int, *, since: int | None = None) -> dict[int, list[Prompt]]:
        """The prompts of a frame by object; with `since`, those of frames from there on too."""
        return self._given.on(frame, since=since)

    def add(self, prompt: Prompt, *, object_id: int = 1, frame: int = 0, label: str | None = None) -> None:
        """Give a prompt: on a frame of its own it starts an object or corrects one that is tracked by then.

        Args:
            prompt: in pixels of the displayed frame, or percentages of its size; text and reference images need a
                released model.
            object_id: 1 to 255; prompts of the same id on the same frame act together.
            frame: number of the frame in the source; with `step`, of the frames stepped through.
            label: a name for the object, kept until another one is given; the words of a text prompt are one too.

        Raises:
            SeemVideoError: the id, frame number or label cannot be, the frame was stepped through already, the prompt
                does not fit the source's frames, or the model takes none of this kind.
        """
        entry = PromptEntry(prompt, object_id, frame, label)
        if frame < self._steps:
            raise SeemVideoError(
                f"Frame {frame} has been stepped through already; give the prompt on the next one, frame={self._steps}."
            )
        if isinstance(prompt, Text | Reference):
            need_released(self._model, f"look for the {prompt}")
        if self._reader is not None:
            to_pixels(prompt, self._reader.info.height, self._reader.info.width)
        given = Given(int(frame), entry.object_id, prompt, label)
        prompts = self._given.plus(given)
        if prompts is not self._given:
            self._change(prompts, given.frame)

    def rename(self, object_id: int, label: str) -> None:
        """Give an object another name; what is tracked stays. Raises `SeemVideoError` if there is none of that id."""
        self._need_object(object_id, "name")
        self._change(self._given.renamed(object_id, label))

    def label_of(self, object_id: int) -> str:
        """An object's name: the one given last, else the words of its text prompt, else its id."""
        return self._given.label_of(object_id)

    def undo(self) -> Given:
        """Take back the prompt that was given last; raises `SeemVideoError` if there is none."""
        if not self._given.all:
            raise SeemVideoError("There is no prompt to undo.")
        *kept, last = self._given.all
        self._change(GivenPrompts(tuple(kept)), last.frame)
        return last

    def remove(self, object_id: int) -> None:
        """Forget an object and all its prompts; raises `SeemVideoError` if there is none of that id."""
        self._need_object(object_id, "remove")
        self._change(self._given.without(object_id), removed=object_id)

    def propagate(
        self, *, start: int | None = None, stop: int | None = None, reverse: bool = False
    ) -> Iterator[FrameResult]:
        """Track all objects and yield the result of each frame as soon as it is there; memory stays bounded.

        Tracking starts afresh in each call, but for the frames at its beginning whose results are in a session file and
        still hold. Prompts on frames before `start` (after it, in reverse) are looked at first, so that the objects
        they name are known; an object has no mask on frames before its first prompt. In real time, prompts on a frame
        that is dropped hold from the next one that is not: `add(..., frame=result.index + 1)` means as soon as can be.

        A prompt given meanwhile on a frame that was tracked already takes effect in the next call; until then nothing
        more is kept in the session file.

        Args:
            start: first frame; None for the source's first one, or in reverse for the last prompted one.
            stop: the frame to stop before, as in `range`; None for the end (in reverse, for frame 0 inclusive).
            reverse: go backwards through the video.

        Raises:
            SeemVideoError: no prompt was given, `start` or a prompt lies on a frame that is not read, or the source
                cannot be read again.
        """
        reader = self._need_reader()
        prompted = self._given.frames
        if not prompted:
            raise SeemVideoError("There is nothing to track: give at least one prompt, for example Click(320, 240).")
        if start is None and reverse:
            start = max(prompted)
        run = self._run = Run(self._new_tracker(), self._file, reader, backwards=reverse)
        pending = prompted
        encoders = encoders_for(self._model, reader, len(self.object_ids))
        frames = in_order(reader, prompted, start, stop, backwards=reverse)
        for frame, is_asked_for, features in encode_ahead(frames, run.encode, run.is_tracking, encoders):
            due = frame.index if not reader.newest_only else 0 if run.last is None else run.last + 1
            pending = pending.difference(range(due, frame.index + 1))
            with threads_for_each(encoders):
                tracked = run.track(frame, self._given, since=due, features=features)
            if is_asked_for:
                yield self._result(frame, tracked)
        if stop is None and pending:
            raise SeemVideoError(
                f"A prompt is on frame {min(pending)}, but that frame of '{reader.info.name}' was not read; "
                "`seem-video info` says how many frames there are, of which start and stride may leave some out."
            )

    def step(self, image: npt.NDArray[np.uint8], *, time_s: float = 0.0) -> FrameResult:
        """Track one more frame of a live source; its number is how many came before it.

        Args:
            image: (H, W, 3) uint8 RGB, of the same size each time.
            time_s: its time in seconds, handed on to the result.

        Raises:
            SeemVideoError: the image is none, or of another size than the first, or a prompt on it does not fit.
        """
        check_image(image, f"Frame {self._steps}", self._step_size)
        frame = Frame(self._steps, time_s, pts=None, image=image, arrived_s=time.perf_counter())
        result = self._result(frame, self._run.track(frame, self._given))
        self._steps, self._step_size = self._steps + 1, (image.shape[0], image.shape[1])
        return result

    def reset(self) -> None:
        """Forget all prompts and objects, and start counting steps at 0 again."""
        self._change(GivenPrompts(), *self._given.frames)
        self._begin_steps()

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

    def _begin_steps(self) -> None:
        self._run = Run(self._new_tracker(), self._file)
        self._steps, self._step_size = 0, None

    def _new_tracker(self) -> Tracker:
        return Tracker(self._model, max_side=self._max_side)

    def _change(self, prompts: GivenPrompts, *frames: int, removed: int | None = None) -> None:
        """Hold other prompts: results from these frames on are in doubt then, and those of a removed object go."""
        if self._file is not None:
            with self._file.at_once():
                self._file.replace_prompts(prompts.all)
                for frame in frames:
                    self._file.forget_from(frame)
                if removed is not None:
                    self._file.forget_object(removed)
        self._given = prompts
        for frame in frames:
            self._run.doubt(frame)
        for object_id in {*self._run.tracker.object_ids} - {*prompts.object_ids}:
            self._run.tracker.remove(object_id)

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
    file: str | Path | SessionFile | None = None,
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
    with ExitStack() as opened:  # to be closed again if anything is refused
        if not isinstance(source, FrameReader):
            source = open_reader(source, backend=backend, start=start, stop=stop, stride=stride, realtime=realtime)
            opened.callback(source.close)
        if file is not None:
            belongs_to = _belongs_to(source.info, model, max_side, start, stride)
            if not isinstance(file, SessionFile):
                file = SessionFile(Path(file))
                opened.callback(file.close)
            file.claim(belongs_to)
        session = VideoSession(model, source, max_side=max_side, file=file)
        opened.pop_all()
    return session


def _belongs_to(info: SourceInfo, model: VideoModel, max_side: int | None, start: int, stride: int) -> dict[str, str]:
    """What decides the results of a session beside its prompts, by name, for its file."""
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
