"""The main job in one call: a source and prompts in, an overlay video, masks and a summary out."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError
from seem_video.io.ahead import AheadReader
from seem_video.io.output import EvenChoice
from seem_video.io.reader import FrameReader, SourceInfo, is_live, open_reader
from seem_video.io.writer import ResultWriter
from seem_video.prompts import Prompt, PromptEntry, place
from seem_video.prompts.records import fingerprint_prompts
from seem_video.results import FrameResult
from seem_video.tracking.session_file import SessionFile, delete_session

if TYPE_CHECKING:
    from seem_video.tracking.propagation import VideoModel
    from seem_video.tracking.session import VideoSession


_UNFINISHED = ".unfinished.seem"
_LATENCIES = 4096  # of so many frames at most, evenly chosen, the latency is kept


@dataclass
class TrackSummary:
    """What a tracking run did.

    Attributes:
        source: the source's name.
        out: the folder of the outputs.
        files: the outputs in `out`, files and folders.
        frames: the number of frames tracked.
        dropped: the number of frames left out in real time.
        seconds: wall time from decoding the first frame to closing the last file; loading the model is not in it.
        decode_s, write_s: how many of these seconds the model waited for the reader and for the writer, which work
            beside it; the rest is the model's.
        visible: object id to the runs of source frames (first, last) in which the object was seen.
        seen: object id to the number of tracked frames in which it was seen.
        labels: object id to the object's name.
        broken: one sentence on where the source's decoding broke; None while all is well.
    """

    source: str
    out: Path
    files: tuple[Path, ...] = ()
    frames: int = 0
    dropped: int = 0
    seconds: float = 0.0
    decode_s: float = 0.0
    write_s: float = 0.0
    visible: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    broken: str | None = None
    _latencies: EvenChoice[float] = field(default_factory=lambda: EvenChoice(_LATENCIES), repr=False)
    _last_index: int | None = None

    @property
    def model_s(self) -> float:
        """Seconds spent waiting neither for the reader nor for the writer."""
        return self.seconds - self.decode_s - self.write_s

    @property
    def frames_per_second(self) -> float:
        """Frames tracked a second, of the whole job."""
        return self.frames / self.seconds if self.seconds else 0.0

    def latency_s(self, share: float = 0.5) -> float | None:
        """Seconds within which this share of the frames had their masks after arriving; None if none was live."""
        latencies = self._latencies.items
        return float(np.quantile(latencies, share)) if latencies else None

    def count(self, result: FrameResult) -> None:
        """Takes one more frame into the account."""
        self.frames += 1
        latency_s = result.latency_s
        if latency_s is not None:
            self._latencies.offer(lambda: latency_s)
        for object_id, label, mask in zip(result.object_ids, result.labels, result.masks, strict=True):
            self.labels[object_id] = label
            runs = self.visible.setdefault(object_id, [])
            if not mask.any():
                continue
            self.seen[object_id] = self.seen.get(object_id, 0) + 1
            if runs and runs[-1][1] == self._last_index:
                runs[-1] = (runs[-1][0], result.index)
            else:
                runs.append((result.index, result.index))
        self._last_index = result.index


def track(
    source: str | Path | int | Iterable[npt.NDArray[np.uint8]],
    prompts: Iterable[Prompt | PromptEntry],
    *,
    out: str | Path,
    model: str | Path | VideoModel = "seem-nano",
    device: str = "auto",
    precision: str = "auto",
    save: Collection[str] = ("overlay", "masks", "rle", "contact"),
    start: int = 0,
    stop: int | None = None,
    stride: int = 1,
    max_side: int | None = None,
    overwrite: bool = False,
    session: str | Path | None = None,
    resume: bool = False,
    realtime: bool = False,
    on_frame: Callable[[FrameResult, int | None], None] | None = None,
) -> TrackSummary:
    """Follows what the prompts point at through a video and writes the result into a folder.

    Args:
        source: a video, a folder or glob of images, one image, a camera's number, a stream's address, `-` for a pipe,
            or arrays (H, W, 3) uint8 RGB. Ctrl-C ends a live one, or real time, and what came until then is written.
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
        realtime: track the newest frame each time, drop those that came meanwhile; a video is played at its own rate.
        on_frame: called after each frame with its result and the number of frames expected, None where unknown.

    Raises:
        SeemVideoError: whatever a user can get wrong; as much as can be is found before the model is loaded.
    """
    # Here, not above: PyTorch takes seconds to import, and words that cannot be read should not wait for it.
    from seem_video.tracking.session import open_session

    live = is_live(source)
    if realtime and (resume or session is not None):
        raise SeemVideoError("What is tracked in real time cannot be tracked again; leave --session and --resume out.")
    if live:  # before the source is opened, which does not wait for it
        model = _loaded(model, device, precision)
    with ExitStack() as stack:
        reader = stack.enter_context(
            open_reader(source, start=start, stop=stop, stride=stride, realtime=realtime and live)
        )
        file = None if session is None else stack.enter_context(closing(SessionFile(Path(session))))
        placed = place([*_known(file), *prompts], reader, start)
        summary = TrackSummary(reader.info.name, Path(out))
        writer = stack.enter_context(
            ResultWriter(out, reader.info, save=save, prompts=placed, overwrite=overwrite or resume)
        )
        if file is None and not realtime:
            file = stack.enter_context(_unfinished_run(summary, reader.info, placed, resume=resume))
        ahead = _read_ahead(reader, realtime=realtime)
        loaded = _loaded(model, device, precision)
        tracked = stack.enter_context(
            open_session(ahead, loaded, max_side=max_side, start=start, stride=stride, file=file)
        )
        if session is not None or not tracked.prompts:  # a run that is resumed has all of its own
            _give(placed, tracked, file)
        expected = None if realtime else _expected_frames(reader.info, start, stop, stride)
        _follow(tracked, writer, summary, on_frame, expected, is_live=live or realtime)
        summary.decode_s, summary.dropped, summary.broken = ahead.waited_s, ahead.dropped, ahead.broken
    return summary


def _known(file: SessionFile | None) -> list[PromptEntry]:
    """The prompts of a session that goes on."""
    return [PromptEntry(g.prompt, g.object_id, g.frame, g.label) for g in file.prompts()] if file else []


def _loaded(model: str | Path | VideoModel, device: str, precision: str) -> VideoModel:
    from seem_video.model.checkpoints import load_model

    return load_model(model, device=device, precision=precision) if isinstance(model, str | Path) else model


def _read_ahead(reader: FrameReader, *, realtime: bool) -> AheadReader:
    """The reader in a thread of its own; in real time a file is played."""
    from seem_video.io.live import play

    if isinstance(reader, AheadReader):
        return reader
    return play(reader) if realtime else AheadReader(reader)


def _give(placed: Mapping[int, Sequence[PromptEntry]], tracked: VideoSession, file: SessionFile | None) -> None:
    """Adds all prompts to the session; a session file has all of them then or, if anything happens, none."""
    with file.at_once() if file else nullcontext():
        for index, entries in placed.items():
            for entry in entries:
                tracked.add(entry.prompt, object_id=entry.object_id, frame=index, label=entry.label)


def _follow(
    tracked: VideoSession,
    writer: ResultWriter,
    summary: TrackSummary,
    on_frame: Callable[[FrameResult, int | None], None] | None,
    expected: int | None,
    *,
    is_live: bool,
) -> None:
    """Tracks, writes and counts every frame and closes the files; to what is live, Ctrl-C is an end as any other."""
    begun = time.perf_counter()
    with suppress(KeyboardInterrupt) if is_live else nullcontext():
        for result in tracked.propagate():
            with _writing(summary):
                writer.write(result)
            summary.count(result)
            if on_frame:
                on_frame(result, expected)
    with _writing(summary):
        summary.files = writer.finish()
    summary.seconds = time.perf_counter() - begun


@contextmanager
def _writing(summary: TrackSummary) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    summary.write_s += time.perf_counter() - begun


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
    try:
        file.claim({"set of prompts": fingerprint_prompts(entry for entries in placed.values() for entry in entries)})
        yield file
    finally:
        file.close()
        if summary.seconds or not (summary.frames or resume):
            delete_session(path)


def _expected_frames(info: SourceInfo, start: int, stop: int | None, stride: int) -> int | None:
    if info.frames is None:
        return None
    return len(range(start, info.frames if stop is None else min(stop, info.frames), stride))
