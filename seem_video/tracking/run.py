"""One run of a tracker through the frames of a source: in which order, and what a session file spares it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from seem_video.errors import SeemVideoError
from seem_video.io.reader import Frame, FrameReader
from seem_video.prompts import rasterise
from seem_video.tracking.given_prompts import GivenPrompts
from seem_video.tracking.session_file import SessionFile, Tracked
from seem_video.tracking.tracker import Tracker


class Run:
    """A run forwards or backwards, of whose frames the first may be in the session file already.

    Attributes:
        tracker: finds what is not in the file.
        last: number of the frame that was tracked last; None before the first.
    """

    def __init__(
        self,
        tracker: Tracker,
        file: SessionFile | None = None,
        reader: FrameReader | None = None,
        *,
        backwards: bool = False,
    ) -> None:
        """Args: tracker: a new one. file: to keep results in, and with a `reader` also to take them from."""
        self.tracker = tracker
        self.last: int | None = None
        self._file = file
        self._reader = reader
        self._backwards = backwards
        self._is_spared = file is not None and reader is not None  # all frames so far were in the file
        self._is_outdated = False

    def is_tracking(self) -> bool:
        """Whether objects are known and no longer taken from the file, so that the next frame will be encoded."""
        return not self._is_spared and bool(self.tracker.object_ids)

    def encode(self, frame: Frame) -> Any:
        """Features of a frame for `track`, from any thread."""
        return self.tracker.encode(frame.image)

    def track(
        self, frame: Frame, given: GivenPrompts, *, since: int | None = None, features: Future[Any] | None = None
    ) -> Tracked:
        """Find the objects on the next frame.

        Args:
            frame: the next one. given: the prompts of all frames.
            since: prompts on frames from here on, which were left out, hold on this one too; None for its own alone.
            features: what `encode` makes of the frame; None to have it encoded now.

        Raises:
            SeemVideoError: a prompt does not fit the frame, or the session file cannot be read or written.
        """
        tracked = None
        if self._file is not None and self._is_spared:
            tracked = self._file.result(frame.index, backwards=self._backwards)
        if tracked is None:
            self._restore(given)
            tracked = self._step(frame, given, since, features)
        self.last = frame.index
        return tracked

    def doubt(self, frame: int) -> None:
        """Take note of other prompts on a frame: if it has passed, what follows is not what a new run would find.

        So nothing more is kept, as a later run would take it for that.
        """
        self._is_outdated |= self.last is not None and self._has_passed(frame, self.last)

    def _step(self, frame: Frame, given: GivenPrompts, since: int | None, features: Future[Any] | None) -> Tracked:
        prompts = given.on(frame.index, since=since)
        if self._backwards:  # there an object's last prompt comes first, which may say no more than what it is not
            known, size = self.tracker.object_ids, frame.image.shape[:2]
            prompts = {i: own for i, own in prompts.items() if i in known or rasterise(own, *size).names_object}
        encoded = features.result() if features else None
        masks, scores = self.tracker.step(frame.index, frame.image, prompts, encoded)
        held = tuple(self.tracker.held_frames) if self._file else ()
        tracked = Tracked(tuple(self.tracker.object_ids), masks, scores, held)
        if self._file is not None and not self._is_outdated:
            self._file.keep(frame.index, tracked, backwards=self._backwards)
        return tracked

    def _restore(self, given: GivenPrompts) -> None:
        """Make the tracker what it would be, had it found itself what was in the file so far."""
        spared, self._is_spared = self._is_spared, False
        if not spared or self.last is None:
            return
        assert self._file is not None
        assert self._reader is not None
        after = self._file.result(self.last, backwards=self._backwards)
        prompted = {frame for frame in given.frames if self._has_passed(frame, self.last)}
        for index in sorted({self.last, *(after.held_frames if after else ()), *prompted}, reverse=self._backwards):
            tracked = self._file.result(index, backwards=self._backwards)
            if tracked is not None:
                prompts = {i: own for i, own in given.on(index).items() if i in tracked.object_ids}
                image = self._reader.read_at(index).image
                self.tracker.restore(index, image, prompts, tracked.object_ids, tracked.masks, tracked.scores)

    def _has_passed(self, frame: int, last: int) -> bool:
        return frame >= last if self._backwards else frame <= last


def in_order(
    reader: FrameReader, prompted: set[int], start: int | None, stop: int | None, *, backwards: bool
) -> Iterator[tuple[Frame, bool]]:
    """The frames to track, in order, and whether they are asked for: prompted ones before `start` are not.

    Args:
        reader: the source. prompted: numbers of the frames with prompts.
        start, stop: as for `VideoSession.propagate`; backwards, `start` is a frame.

    Raises:
        SeemVideoError: the source ends before `start`, or cannot be read so.
    """
    if start is not None:
        before = (index for index in prompted if (index > start if backwards else index < start))
        for index in sorted(before, reverse=backwards):
            yield reader.read_at(index), False
    if backwards:
        assert start is not None
        for frame in reader.reversed(start, 0 if stop is None else stop + 1):
            yield frame, True
        return
    is_reached = start is None
    for frame in reader:
        if stop is not None and frame.index >= stop:
            return
        if start is None or frame.index >= start:
            is_reached = True
            yield frame, True
    if not is_reached:
        raise SeemVideoError(f"'{reader.info.name}' ends before frame {start}; start earlier.")
