"""The main job in one call: a source and prompts in, an overlay video, masks and a summary out."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError
from seem_video.io.reader import Frame, FrameReader, SourceInfo, open_reader
from seem_video.io.writer import ResultWriter
from seem_video.prompts import Prompt, PromptEntry, place
from seem_video.prompts.records import fingerprint_prompts
from seem_video.results import FrameResult
from seem_video.tracking.session_file import SessionFile, delete_session

if TYPE_CHECKING:
    from seem_video.tracking.propagation import VideoModel


_UNFINISHED = ".unfinished.seem"


@dataclass
class TrackSummary:
    """What a tracking run did.

    Attributes:
        source: the source's name.
        out: the folder of the outputs.
        files: the outputs in `out`, files and folders.
        stride: source frames from one tracked frame to the next.
        frames: the number of frames tracked.
        seconds: wall time from decoding the first frame to closing the last file; loading the model is not in it.
        decode_s, write_s: how many of these seconds went to decoding, and to waiting for the writer, which works
            beside the model; the rest is the model's.
        visible: object id to the runs of source frames (first, last) in which the object was seen.
        labels: object id to the object's name.
        broken: one sentence on where the source's decoding broke; None while all is well.
    """

    source: str
    out: Path
    stride: int = 1
    files: tuple[Path, ...] = ()
    frames: int = 0
    seconds: float = 0.0
    decode_s: float = 0.0
    write_s: float = 0.0
    visible: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    broken: str | None = None

    @property
    def model_s(self) -> float:
        """Seconds spent neither decoding nor waiting for the writer."""
        return self.seconds - self.decode_s - self.write_s

    @property
    def frames_per_second(self) -> float:
        """Frames tracked a second, of the whole job."""
        return self.frames / self.seconds if self.seconds else 0.0

    def count(self, result: FrameResult) -> None:
        """Takes one more frame into the account."""
        self.frames += 1
        for object_id, label, mask in zip(result.object_ids, result.labels, result.masks, strict=True):
            self.labels[object_id] = label
            runs = self.visible.setdefault(object_id, [])
            if not mask.any():
                continue
            if runs and runs[-1][1] == result.index - self.stride:
                runs[-1] = (runs[-1][0], result.index)
            else:
                runs.append((result.index, result.index))


def track(
    source: str | Path | int | Iterable[npt.NDArray[np.uint8]],
    prompts: Iterable[Prompt | PromptEntry],
    *,
    out: str | Path,
    model: str | Path | VideoModel = "seem-nano",
    device: str = "auto",
    precision: str = "fp32",
    save: Collection[str] = ("overlay", "masks", "rle", "contact"),
    start: int = 0,
    stop: int | None = None,
    stride: int = 1,
    max_side: int | None = None,
    overwrite: bool = False,
    session: str | Path | None = None,
    resume: bool = False,
    on_frame: Callable[[FrameResult, int | None], None] | None = None,
) -> TrackSummary:
    """Follows what the prompts point at through a video and writes the result into a folder.

    Args:
        source: a video, a folder or glob of images, one image, a camera's number, a stream's address, or arrays
            (H, W, 3) uint8 RGB.
        prompts: what to follow; a bare prompt means object 1 on the first frame tracked, a `PromptEntry` says which
            object and frame. An object is followed from its first prompt on.
        out: the folder to write into, created where it is missing.
        model: a model's name or file, to be loaded on `device` to compute in `precision`, or a loaded model.
        save: which outputs to write, of `seem_video.io.writer.FILES`; docs/outputs.md describes them.
        start, stop, stride: the source frames to track, as in `range`.
        max_side: longest side, in pixels, at which the model sees a frame; None for the model's own.
        overwrite: write into a folder that is not empty.
        session: a session file to begin or to go on with; its prompts come before `prompts`, which may then be none.
        resume: go on with a run into `out` that was cut short; what it tracked is not tracked again.
        on_frame: called after each frame with its result and the number of frames expected, None where unknown.

    Raises:
        SeemVideoError: whatever a user can get wrong; as much as can be is found before the model is loaded.
    """
    # Here, not above: PyTorch takes seconds to import, and words that cannot be read should not wait for it.
    from seem_video.model.checkpoints import load_model
    from seem_video.tracking.session import open_session

    out = Path(out)
    with open_reader(source, start=start, stop=stop, stride=stride) as reader, ExitStack() as stack:
        file = None if session is None else stack.enter_context(closing(SessionFile(Path(session))))
        known = [PromptEntry(g.prompt, g.object_id, g.frame, g.label) for g in file.prompts()] if file else []
        placed = place([*known, *prompts], reader, start)
        with ResultWriter(out, reader.info, save=save, prompts=placed, overwrite=overwrite or resume) as writer:
            summary = TrackSummary(reader.info.name, out, stride)
            if file is None:
                file = stack.enter_context(_unfinished_run(summary, reader.info, placed, resume=resume))
            if isinstance(model, str | Path):
                model = load_model(model, device=device, precision=precision)
            clocked = _ClockedReader(reader)
            tracked = stack.enter_context(
                open_session(clocked, model, max_side=max_side, start=start, stride=stride, file=file)
            )
            if not (resume and tracked.prompts):
                for index, entries in placed.items():
                    for entry in entries:
                        tracked.add(entry.prompt, object_id=entry.object_id, frame=index, label=entry.label)
            begun = time.perf_counter()
            expected = _expected_frames(reader.info, start, stop, stride)
            for result in tracked.propagate():
                with _added_to(summary, "write_s"):
                    writer.write(result)
                summary.count(result)
                if on_frame:
                    on_frame(result, expected)
            with _added_to(summary, "write_s"):
                summary.files = writer.finish()
            summary.seconds = time.perf_counter() - begun
        summary.decode_s, summary.broken = clocked.seconds, reader.broken
    return summary


def is_unfinished(out: Path) -> bool:
    """Whether a run into a folder was cut short, after it had begun and so that it can be resumed."""
    return (out / _UNFINISHED).exists()


@contextmanager
def _unfinished_run(
    summary: TrackSummary, info: SourceInfo, placed: Mapping[int, Sequence[PromptEntry]], *, resume: bool
) -> Iterator[SessionFile | None]:
    """The session file that a run keeps in its folder until it is done; None for a source that cannot be read again.

    It goes with the run, but for one that was cut short after its first frames.
    """
    path = summary.out / _UNFINISHED
    if info.path is None:
        if resume:
            raise SeemVideoError(f"{info.name} cannot be read again, so nothing can be resumed; leave --resume out.")
        yield None
        return
    if not resume:
        delete_session(path)
    file = SessionFile(path)
    file.claim({"set of prompts": fingerprint_prompts(entry for entries in placed.values() for entry in entries)})
    try:
        yield file
    finally:
        file.close()
        if summary.seconds or not (summary.frames or resume):
            delete_session(path)


class _ClockedReader(FrameReader):
    """A reader that keeps the time it takes; decoding is lazy, so nobody else can tell it from the model's."""

    def __init__(self, reader: FrameReader) -> None:
        self._reader = reader
        self.info = reader.info
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Frame]:
        return self._clocked(iter(self._reader))

    def reversed(self, start: int, stop: int = 0) -> Iterator[Frame]:
        return self._clocked(self._reader.reversed(start, stop))

    def read_at(self, index: int) -> Frame:
        return next(self._clocked(iter([self._reader.read_at(index)])))

    def _clocked(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        while True:
            begun = time.perf_counter()
            frame = next(frames, None)
            self.seconds += time.perf_counter() - begun
            if frame is None:
                return
            yield frame


@contextmanager
def _added_to(summary: TrackSummary, name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    setattr(summary, name, getattr(summary, name) + time.perf_counter() - begun)


def _expected_frames(info: SourceInfo, start: int, stop: int | None, stride: int) -> int | None:
    if info.frames is None:
        return None
    return len(range(start, info.frames if stop is None else min(stop, info.frames), stride))
