"""A user's work on one clip: prompts, the masks they give at once, and tracking forwards and backwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from seem_video.app.both_ways import merge, merge_scores, prompted_frames
from seem_video.app.pictures import Pictures
from seem_video.app.preview import FramePreview, Mask
from seem_video.errors import SeemVideoError
from seem_video.io.palette import Color
from seem_video.io.reader import Frame, SourceInfo, open_reader
from seem_video.prompts import Prompt, PromptEntry, rasterise
from seem_video.results import FrameResult
from seem_video.tracking.propagation import VideoModel
from seem_video.tracking.session import open_session
from seem_video.tracking.session_file import Given, SessionFile, Tracked

Way = Literal["forward", "backward", "both"]
_LONGEST_NAME = 40
_NOTHING: dict[int, Mask] = {}


class Work:
    """Prompts on the frames of one clip and their masks, at once on the frame in view and by tracking on all.

    Everything is kept in a session file, so what is tracked once is not tracked again and only what follows a change
    is. All calls must come from one thread.

    Attributes:
        source: the clip. model: that finds the masks. file: the session file.
        info: what the reader sees of the clip.
        frames: the number of frames.
        folder: where the files of this work are.
        hidden: ids of the objects that pictures leave out.
        colors: object id to its colour, of those for which another one than the palette's was chosen.
        stopped: tracking was told to stop since it was last begun.
        frame, chosen: the frame last looked at by the user and the object that prompts are for, to find them again.
    """

    def __init__(self, source: Path, model: VideoModel, folder: Path) -> None:
        """Args: source: a video file or folder of images; model; folder: an empty one, for the files of this work.

        Raises:
            SeemVideoError: the source cannot be read.
        """
        self.source = source
        self.model = model
        self.folder = folder
        self._reader = open_reader(source)
        self.file = SessionFile(folder / "work.seem")
        self._session = open_session(self._reader, model, file=self.file)
        self._shown: Frame | None = None
        self._preview: FramePreview | None = None
        self._before: dict[int, Mapping[int, Mask]] = {}  # what was tracked on a frame before it was corrected
        self._found: dict[tuple[int, bool], dict[int, float]] = {}  # scores by tracked frame and direction
        self._runs = 0  # a run of tracking ends when this is no longer its number
        self._pictures = Pictures(folder)
        self._written = 0
        self._highest_id = 0
        self._undone: list[Given] = []
        self.hidden: set[int] = set()
        self.colors: dict[int, Color] = {}
        self.stopped = False
        self.frame, self.chosen = 0, 1
        self.info: SourceInfo = self._reader.info
        self.frames: int = self.info.frames or sum(1 for _ in self._reader)

    @property
    def object_ids(self) -> list[int]:
        """Ids of all objects that have a prompt, ascending."""
        return self._session.object_ids

    @property
    def prompts(self) -> tuple[Given, ...]:
        """All prompts that hold, in the order given."""
        return self._session.prompts

    @property
    def unused_id(self) -> int:
        """An id that no object of this work has had."""
        return self._highest_id + 1

    @property
    def scores(self) -> dict[int, dict[int, float]]:
        """By tracked frame, ascending: object id to score in 0..1 of each object that is tracked there."""
        return merge_scores(self._found, prompted_frames(self.prompts))

    @property
    def broken(self) -> str | None:
        """One sentence on where the clip broke off when it was tracked to its end; None while all is well."""
        return self._reader.broken

    def add(self, prompt: Prompt, *, object_id: int, frame: int) -> None:
        """Give a prompt; results that follow from its frame no longer hold.

        Raises:
            SeemVideoError: the prompt does not fit the frame or the model, or would begin an object by what it is not.
        """
        self._refuse_blind_beginning(prompt, object_id, frame)
        if self._give(Given(frame, object_id, prompt, None)):
            self._undone.clear()

    def restore(self, prompts: Iterable[Given], tracked: Iterable[tuple[int, bool, Tracked]]) -> None:
        """Take over the prompts of another session of this clip, and what it found: frame, backwards or not, masks.

        Raises:
            SeemVideoError: a prompt does not fit the frames or the model.
        """
        for given in prompts:
            self._session.add(given.prompt, object_id=given.object_id, frame=given.frame, label=given.label)
        for frame, backwards, found in tracked:
            self.file.keep(frame, found, backwards=backwards)
        self._found = self.file.scores()
        ids = self.object_ids
        self._highest_id, self.chosen = max(ids, default=0), (ids or [1])[0]

    def undo(self) -> int:
        """Take back the prompt given last and return its frame; raises `SeemVideoError` if there is none."""
        last = self._session.undo()
        self._undone.append(last)
        self._forget_from(last.frame)
        return last.frame

    def redo(self) -> int:
        """Give the prompt again that was undone last and return its frame.

        Raises:
            SeemVideoError: there is none, or none any more since a new prompt was given.
        """
        if not self._undone:
            raise SeemVideoError("There is nothing to redo: no prompt was undone, or a new one was given since.")
        again = self._undone.pop()
        self._give(again)
        return again.frame

    def remove(self, object_id: int) -> None:
        """Forget an object, not what is tracked of the others; raises `SeemVideoError` if there is none of that id."""
        self._session.remove(object_id)
        self._undone = [given for given in self._undone if given.object_id != object_id]
        self.hidden.discard(object_id)
        self.colors.pop(object_id, None)
        self._runs += 1

    def name_of(self, object_id: int) -> str:
        """An object's name; its id as text unless it was given one."""
        return self._session.label_of(object_id)

    def rename(self, object_id: int, name: str) -> None:
        """Name an object, in files too; raises `SeemVideoError` for an object without prompts, or no name."""
        name = " ".join(name.split())
        if not 0 < len(name) <= _LONGEST_NAME:
            raise SeemVideoError(f"A name has 1 to {_LONGEST_NAME} characters.")
        if object_id not in self.object_ids:
            raise SeemVideoError(f"There is no object {object_id} to name yet; click on the thing first.")
        self._session.rename(object_id, name)

    def look(self, frame: int) -> FrameResult:
        """A frame with its masks: the tracked ones where they hold, else what the prompts on it give.

        Raises:
            SeemVideoError: there is no such frame.
        """
        return self.result(self._read(frame))

    def prepare(self, frame: int) -> None:
        """Encode a frame, so that prompts on it have only to be decoded; raises `SeemVideoError` if there is none."""
        shown = self._read(frame)
        if self._preview is None:
            self._preview = FramePreview(self.model, shown.image)

    def result(self, frame: Frame) -> FrameResult:
        """As `look`, for a frame that is read already."""
        ids = self.object_ids
        held = self._held(frame.index)
        masks, scores = self._decode(frame.index) if held is None else held
        nothing = np.zeros(frame.image.shape[:2], bool)
        return FrameResult(
            index=frame.index,
            time_s=frame.time_s,
            pts=frame.pts,
            image=frame.image,
            object_ids=tuple(ids),
            masks=np.stack([masks.get(i, nothing) for i in ids]) if ids else np.zeros((0, *nothing.shape), bool),
            scores=np.array([scores.get(i, 0.0) for i in ids], np.float32),
            labels=tuple(map(self.name_of, ids)),
        )

    def tracked(self) -> Iterator[FrameResult]:
        """The results of all tracked frames, ascending, as files have them."""
        scores = self.scores
        for frame in self._reader:
            if frame.index in scores:
                yield self.result(frame)
            if frame.index >= max(scores, default=0):
                return

    def picture(self, result: FrameResult) -> Path:
        """A JPEG, under a new name, of a frame with its prompts and its masks that are not hidden."""
        given = self.entries().get(result.index, ())
        return self._pictures.draw(result, given, hidden=self.hidden, colors=self.colors)

    def track(self, way: Way = "forward", *, first: int = 0, last: int | None = None) -> Iterator[FrameResult]:
        """Track and yield each frame, until `stop`; what is tracked already and holds comes at once.

        Args:
            way: "forward" from frame 0 on, as `seem_video.track` does; "backward" from the last frame with a prompt
                down; or both, one after the other.
            first: the frame at which to end backwards. last: the one at which to end forwards; None for the clip's.

        Raises:
            SeemVideoError: there is no prompt yet, none that lies on the way, or prompts were changed meanwhile.
        """
        self._refuse_to_track(way, first)
        self._runs += 1
        run, self.stopped = self._runs, False
        stop = None if last is None or last >= self.frames - 1 else last + 1
        for backwards in {"forward": (False,), "backward": (True,), "both": (False, True)}[way]:
            end = (first - 1 if first else None) if backwards else stop
            for found in self._session.propagate(stop=end, reverse=backwards):
                self._found |= self.file.scores(found.index)
                if (found.index, not backwards) in self._found:
                    found = self.result(Frame(found.index, found.time_s, found.pts, found.image))
                yield found
                if self._runs != run:
                    raise SeemVideoError("Tracking ended, as something else was asked for; press Track to go on.")
                if self.stopped:
                    return

    def stop(self) -> None:
        """End tracking after the frame that it is at."""
        self.stopped = True

    def entries(self) -> dict[int, list[PromptEntry]]:
        """The prompts by frame."""
        entries: dict[int, list[PromptEntry]] = {}
        for given in self.prompts:
            entries.setdefault(given.frame, []).append(PromptEntry(given.prompt, given.object_id, given.frame))
        return entries

    def new_path(self, what: str) -> Path:
        """A path of a new name, so that no browser takes what it holds for what was there before."""
        self._written += 1
        return self.folder / f"{what}-{self._written}"

    def close(self) -> None:
        """Close the clip and the session file."""
        self._runs += 1
        self._session.close()

    def _give(self, new: Given) -> bool:
        """Give a prompt, under the name that its object has by now; False if it is there already."""
        frame, held = new.frame, self._held(new.frame)
        is_first, count = not self._session.prompts_on(frame), len(self.prompts)
        name = next((g.label for g in self.prompts if g.object_id == new.object_id and g.label), new.label)
        self._session.add(new.prompt, object_id=new.object_id, frame=frame, label=name)
        if len(self.prompts) == count:
            return False
        self._highest_id = max(self._highest_id, new.object_id)
        if held is not None and is_first:
            self._before[frame] = held[0]
        self._forget_from(frame)
        return True

    def _read(self, frame: int) -> Frame:
        if self._shown is None or self._shown.index != frame:
            self._shown, self._preview = self._reader.read_at(frame), None
        return self._shown

    def _held(self, frame: int) -> tuple[Mapping[int, Mask], Mapping[int, np.float32]] | None:
        """Masks and scores that are tracked on a frame and hold; None if it is not tracked."""
        both = {backwards: self.file.result(frame, backwards=backwards) for backwards in (False, True)}
        held = {backwards: found for backwards, found in both.items() if found is not None}
        return merge(frame, prompted_frames(self.prompts), held) if held else None

    def _decode(self, frame: int) -> tuple[Mapping[int, Mask], Mapping[int, np.float32]]:
        prompts, before = self._session.prompts_on(frame), self._before.get(frame, _NOTHING)
        if not prompts and not before:
            return {}, {}
        self.prepare(frame)
        assert self._preview is not None
        return self._preview.decode(prompts, before)

    def _forget_from(self, frame: int) -> None:
        """As the session file does: what a change of the prompts on a frame puts in doubt."""
        self._found = {
            (other, backwards): scores
            for (other, backwards), scores in self._found.items()
            if (other > frame if backwards else other < frame)
        }
        self._runs += 1

    def _refuse_to_track(self, way: Way, first: int) -> None:
        if not self.prompts:
            raise SeemVideoError("There is nothing to track yet; click the thing to follow first.")
        latest = max(self.entries())
        if way == "backward" and latest == 0:
            raise SeemVideoError("All prompts are on frame 0, and nothing comes before it; track forward.")
        if way == "backward" and first > latest:
            raise SeemVideoError(
                f"Backward begins at the last prompt, on frame {latest}, which lies before frame {first}; "
                "choose a lower one, or track forward."
            )

    def _refuse_blind_beginning(self, prompt: Prompt, object_id: int, frame: int) -> None:
        own = [(given.frame, given.prompt) for given in self.prompts if given.object_id == object_id]
        own.append((frame, prompt))
        beginning = min(at for at, _ in own)
        first = [given for at, given in own if at == beginning]
        if not rasterise(first, self.info.height, self.info.width).names_object:
            raise SeemVideoError(
                f"Object {object_id} has no + click yet on frame {frame} or before; "
                "click on the thing first, then take away what is too much."
            )
