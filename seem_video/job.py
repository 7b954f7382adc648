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
from seem_video.io.reader import SourceInfo, is_live, open_reader
from seem_video.io.writer import ResultWriter
from seem_video.prompts import Prompt, PromptEntry, place
from seem_video.prompts.records import fingerprint_prompts
from seem_video.results import FrameResult
from seem_video.tracking.session_file import SessionFile, delete_session

if TYPE_CHECKING:
    from seem_video.tracking.propagation import VideoModel


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
            or arrays (H, W, 3) uint8 RGB. Ctrl-C ends a live one, and what came until then is written.
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
    from seem_video.io.live import play
    from seem_video.model.checkpoints import load_model
    from seem_video.tracking.session import open_session

    live = is_live(source)
    if realtime and (resume or session is not None):
        raise SeemVideoError("What is tracked in real time cannot be tracked again; leave --session and --resume out.")
    if live and isinstance(model, str | Path):  # before the source is opened, which does not wait for it
        model = load_model(model, device=device, precision=precision)
    out = Path(out)
    with (
        open_reader(source, start=start, stop=stop, stride=stride, realtime=realtime and live) as reader,
        ExitStack() as stack,
    ):
        file = None if session is None else stack.enter_context(closing(SessionFile(Path(session))))
        known = [PromptEntry(g.prompt, g.object_id, g.frame, g.label) for g in file.prompts()] if file else []
        placed = place([*known, *prompts], reader, start)
        if not isinstance(reader, AheadReader):
            reader = play(reader) if realtime else AheadReader(reader)
        with ResultWriter(out, reader.info, save=save, prompts=placed, overwrite=overwrite or resume) as writer:
            summary = TrackSummary(reader.info.name, out)
            if file is None and not realtime:
                file = stack.enter_context(_unfinished_run(summary, reader.info, placed, resume=resume))
            if isinstance(model, str | Path):
                model = load_model(model, device=device, precision=precision)
            tracked = stack.enter_context(
                open_session(reader, model, max_side=max_side, start=start, stride=stride, file=file)
            )
            if not (resume and tracked.prompts):
                for index, entries in placed.items():
                    for entry in entries:
                        tracked.add(entry.prompt, object_id=entry.object_id, frame=index, label=entry.label)
            begun = time.perf_counter()
            expected = None if realtime else _expected_frames(reader.info, start, stop, stride)
            with suppress(KeyboardInterrupt) if live else nullcontext():
                for result in tracked.propagate():
                    with _added_to(summary, "write_s"):
                        writer.write(result)
                    summary.count(result)
                    if on_frame:
                        on_frame(result, expected)
            with _added_to(summary, "write_s"):
                summary.files = writer.finish()
            summary.seconds = time.perf_counter() - begun
        summary.decode_s, summary.dropped, summary.broken = reader.waited_s, reader.dropped, reader.broken
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


@contextmanager
def _added_to(summary: TrackSummary, name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    setattr(summary, name, getattr(summary, name) + time.perf_counter() - begun)


def _expected_frames(info: SourceInfo, start: int, stop: int | None, stride: int) -> int | None:
    if info.frames is None:
        return None
    return len(range(start, info.frames if stop is None else min(stop, info.frames), stride))
