"""A user's work on one clip: prompts, the masks they give, tracking, and the files to take home."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from seem_video.app.preview import FramePreview, Mask
from seem_video.errors import SeemVideoError
from seem_video.io.overlay import draw_overlay
from seem_video.io.reader import Frame, SourceInfo, open_reader
from seem_video.io.writer import ResultWriter
from seem_video.prompts import Prompt, PromptEntry, rasterise
from seem_video.results import FrameResult
from seem_video.tracking.propagation import VideoModel
from seem_video.tracking.session import open_session
from seem_video.tracking.session_file import SessionFile

_PICTURES_KEPT = 6  # a browser may still be fetching one that is no longer shown
_JPEG_QUALITY = 90


class Work:
    """Prompts on the frames of one clip and their masks, at once on the frame in view and by tracking on all.

    Everything is kept in a session file, so what is tracked once is not tracked again and only what follows a change
    is. All calls must come from one thread.

    Attributes:
        info: what the reader sees of the clip.
        frames: the number of frames.
        scores: one mapping a tracked frame, from frame 0 on, of object id to score in 0..1.
    """

    def __init__(self, source: Path, model: VideoModel, folder: Path) -> None:
        """Args: source: a video file or folder of images; model; folder: an empty one, for the files of this work.

        Raises:
            SeemVideoError: the source cannot be read.
        """
        self._folder = folder
        self._model = model
        self._reader = open_reader(source)
        self._file = SessionFile(folder / "work.seem")
        self._session = open_session(self._reader, model, file=self._file)
        self._shown: Frame | None = None
        self._preview: FramePreview | None = None
        self._before: dict[int, dict[int, Mask]] = {}  # what was tracked on a frame before it was corrected
        self._runs = 0  # a run of tracking ends when this is no longer its number
        self._pictures: deque[Path] = deque()
        self._written = 0
        self._highest_id = 0
        self.scores: list[dict[int, float]] = []
        self.info: SourceInfo = self._reader.info
        self.frames: int = self.info.frames or sum(1 for _ in self._reader)

    @property
    def object_ids(self) -> list[int]:
        """Ids of all objects that have a prompt, ascending."""
        return self._session.object_ids

    @property
    def unused_id(self) -> int:
        """An id that no object of this work has had."""
        return self._highest_id + 1

    @property
    def broken(self) -> str | None:
        """One sentence on where the clip broke off when it was tracked to its end; None while all is well."""
        return self._reader.broken

    def add(self, prompt: Prompt, *, object_id: int, frame: int) -> None:
        """Give a prompt; results from its frame on no longer hold.

        Raises:
            SeemVideoError: the prompt does not fit the frame, or would begin an object by what it is not.
        """
        self._refuse_blind_beginning(prompt, object_id, frame)
        held = self._file.result(frame, backwards=False)
        is_first, given = not self._session.prompts_on(frame), len(self._session.prompts)
        self._session.add(prompt, object_id=object_id, frame=frame)
        if len(self._session.prompts) == given:  # the very same prompt again
            return
        self._highest_id = max(self._highest_id, object_id)
        if held is not None and is_first:
            self._before[frame] = dict(zip(held.object_ids, held.masks, strict=True))
            self._preview = None
        self._forget_from(frame)

    def undo(self) -> int:
        """Take back the prompt given last and return its frame; raises `SeemVideoError` if there is none."""
        frame = self._session.undo().frame
        self._forget_from(frame)
        return frame

    def remove(self, object_id: int) -> None:
        """Forget an object, not what is tracked of the others; raises `SeemVideoError` if there is none of that id."""
        self._session.remove(object_id)
        self._runs += 1

    def look(self, frame: int) -> FrameResult:
        """A frame with its masks: the tracked ones where they hold, else what the prompts on it give.

        Raises:
            SeemVideoError: there is no such frame.
        """
        if self._shown is None or self._shown.index != frame:
            self._shown, self._preview = self._reader.read_at(frame), None
        image, ids = self._shown.image, self.object_ids
        masks, found = self._masks(frame, image)
        nothing = np.zeros(image.shape[:2], bool)
        return FrameResult(
            index=frame,
            time_s=self._shown.time_s,
            pts=self._shown.pts,
            image=image,
            object_ids=tuple(ids),
            masks=np.stack([masks.get(i, nothing) for i in ids]) if ids else np.zeros((0, *nothing.shape), bool),
            scores=np.array([found.get(i, 0.0) for i in ids], np.float32),
            labels=tuple(map(str, ids)),
        )

    def picture(self, result: FrameResult) -> Path:
        """Write a frame with its masks and the prompts given on it as a JPEG of a new name, and remove older ones."""
        drawn = draw_overlay(result, self._entries().get(result.index, ()))
        path = self._new("view").with_suffix(".jpg")
        cv2.imwrite(str(path), cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        self._pictures.append(path)
        if len(self._pictures) > _PICTURES_KEPT:
            self._pictures.popleft().unlink()
        return path

    def track(self, stop: int | None = None) -> Iterator[FrameResult]:
        """Track forward and yield each frame from 0 on; what is tracked already and holds comes at once.

        Args:
            stop: the frame to stop before; None for the end.

        Raises:
            SeemVideoError: there is no prompt yet, or prompts were changed or files asked for meanwhile.
        """
        self._runs += 1
        run = self._runs
        for result in self._session.propagate(stop=None if stop is None or stop >= self.frames else stop):
            scores = dict(zip(result.object_ids, map(float, result.scores), strict=True))
            self.scores[result.index : result.index + 1] = [scores]
            yield result
            if self._runs != run:
                raise SeemVideoError("Tracking ended, as something else was asked for; press Track to go on.")

    def export(self) -> list[Path]:
        """Write overlay.mp4, masks.zip and masks.json of what is tracked, in place of those written before.

        Returns:
            their paths, in a folder of a new name.

        Raises:
            SeemVideoError: nothing is tracked yet, or there is no room to write.
        """
        if not self.scores:
            raise SeemVideoError("Nothing is tracked yet; press Track, then take the results.")
        self._runs += 1
        for old in self._folder.glob("outputs-*"):
            shutil.rmtree(old)
        out = self._new("outputs")
        with ResultWriter(out, self.info, save=("overlay", "masks", "rle"), prompts=self._entries()) as writer:
            for result in self._session.propagate(stop=len(self.scores)):
                writer.write(result)
            writer.finish()
        shutil.make_archive(str(out / "masks"), "zip", out / "masks")
        shutil.rmtree(out / "masks")
        return [out / "overlay.mp4", out / "masks.zip", out / "masks.json"]

    def close(self) -> None:
        """Close the clip and the session file."""
        self._runs += 1
        self._session.close()

    def _new(self, what: str) -> Path:
        """A path of a new name, so that no browser takes what it holds for what was there before."""
        self._written += 1
        return self._folder / f"{what}-{self._written}"

    def _entries(self) -> dict[int, list[PromptEntry]]:
        entries: dict[int, list[PromptEntry]] = {}
        for given in self._session.prompts:
            entries.setdefault(given.frame, []).append(PromptEntry(given.prompt, given.object_id, given.frame))
        return entries

    def _masks(self, frame: int, image: npt.NDArray[np.uint8]) -> tuple[dict[int, Mask], dict[int, float]]:
        held = self._file.result(frame, backwards=False)
        if held is not None:
            scores = map(float, held.scores)
            return dict(zip(held.object_ids, held.masks, strict=True)), dict(zip(held.object_ids, scores, strict=True))
        prompts, before = self._session.prompts_on(frame), self._before.get(frame, {})
        if not prompts and not before:
            return {}, {}
        if self._preview is None:
            self._preview = FramePreview(self._model, image, before)
        return self._preview.decode(prompts)

    def _forget_from(self, frame: int) -> None:
        del self.scores[frame:]
        self._runs += 1

    def _refuse_blind_beginning(self, prompt: Prompt, object_id: int, frame: int) -> None:
        own = [(given.frame, given.prompt) for given in self._session.prompts if given.object_id == object_id]
        own.append((frame, prompt))
        beginning = min(at for at, _ in own)
        first = [given for at, given in own if at == beginning]
        if not rasterise(first, self.info.height, self.info.width).names_object:
            raise SeemVideoError(
                f"Object {object_id} has no + click yet on frame {frame} or before; "
                "click on the thing first, then take away what is too much."
            )
