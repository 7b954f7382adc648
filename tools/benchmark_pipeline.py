"""Where the time of a whole job goes, and how it grows with the number of objects.

    python tools/benchmark_pipeline.py [CLIP] [--frames 100] [--objects 1,2,5,10,20] [--device cpu]

A row for each number of objects, boxes on a grid. "alone" is each stage by itself, in ms a frame: decoding a clip, the
model on frames that are in memory, writing the usual outputs from one frame's masks. "job" is all of it together, as
`seem-video track` does it, decoding and writing beside the model; "waiting" is how long the model stood still for the
reader and for the writer, and "not model" the share of the job's time by which it exceeds the model alone.
"""

import dataclasses
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from seem_video import Box, Frame, FrameResult, PromptEntry, SeemVideoError, demo_clip, load_model, open_reader, track
from seem_video.io.frame import SourceInfo
from seem_video.io.writer import ResultWriter
from seem_video.terminal import run
from seem_video.tracking.propagation import VideoModel
from seem_video.tracking.session import VideoSession

WARM_UP = 3
"""Frames that are tracked before anything is timed."""


class Row(NamedTuple):
    """Milliseconds a frame: of each stage alone, of the whole job, and of the model's waiting in that."""

    objects: int
    decode: float
    model: float
    write: float
    job: float
    for_reader: float
    for_writer: float

    @property
    def not_model(self) -> float:
        """Share of the job's time that the model alone would not take."""
        return 1 - self.model / self.job


def grid(count: int, width: int, height: int) -> list[PromptEntry]:
    """Boxes in a grid over the frame, one an object, with gaps of half a box between them."""
    columns = int(np.ceil(np.sqrt(count * width / height)))
    rows = -(-count // columns)
    cell_w, cell_h = width / columns, height / rows
    boxes = []
    for i in range(count):
        row, column = divmod(i, columns)
        x, y = (column + 1 / 6) * cell_w, (row + 1 / 6) * cell_h
        boxes.append(Box(round(x), round(y), round(x + cell_w * 2 / 3), round(y + cell_h * 2 / 3)))
    return [PromptEntry(box, object_id) for object_id, box in enumerate(boxes, start=1)]


def measure(clip: Path, frames: Sequence[Frame], info: SourceInfo, model: VideoModel, count: int) -> Row:
    """Time the stages alone and together, for so many objects."""
    prompts, results = grid(count, info.width, info.height), []
    step(model, frames[:WARM_UP], prompts)
    model_s = _timed(lambda: results.append(step(model, frames, prompts)))
    with tempfile.TemporaryDirectory(prefix="seem-video-pipeline-") as folder:
        decode_s = _timed(lambda: [None for _ in islice(open_reader(clip), len(frames))])
        write_s = _timed(lambda: write(Path(folder) / "alone", info, frames, results[0]))
        summary = track(clip, prompts, out=Path(folder) / "job", model=model, stop=len(frames))
    whole = (decode_s, model_s, write_s, summary.seconds, summary.decode_s, summary.write_s)
    return Row(count, *(1000 * seconds / len(frames) for seconds in whole))


def step(model: VideoModel, frames: Sequence[Frame], prompts: Sequence[PromptEntry]) -> FrameResult:
    """Track frames that are in memory; returns the last one's result."""
    session = VideoSession(model)
    for entry in prompts:
        session.add(entry.prompt, object_id=entry.object_id)
    for frame in frames:
        result = session.step(frame.image)
    return result


def write(out: Path, info: SourceInfo, frames: Sequence[Frame], like: FrameResult) -> None:
    """Write the usual outputs of these frames, each with the same masks."""
    with ResultWriter(out, info) as writer:
        for frame in frames:
            here = {"index": frame.index, "time_s": frame.time_s, "pts": frame.pts, "image": frame.image}
            writer.write(dataclasses.replace(like, **here))
        writer.finish()


def _timed(stage: Callable[[], object]) -> float:
    begun = time.perf_counter()
    stage()
    return time.perf_counter() - begun


def _read_counts(text: str) -> list[int]:
    try:
        counts = [int(word) for word in text.split(",")]
    except ValueError:
        counts = [0]
    if not all(1 <= count <= 255 for count in counts):
        raise SeemVideoError(f"'{text}' is no list of numbers of objects, from 1 to 255; give for example 1,2,5.")
    return counts


def main(
    clip: Annotated[Path, typer.Argument(help="A video; the demo's unless given.")] = demo_clip.VIDEO,
    frames: Annotated[int, typer.Option(min=WARM_UP, help="Frames of it, which are held in memory.")] = 100,
    objects: Annotated[str, typer.Option(help="Numbers of objects.")] = "1,2,5,10,20",
    model: Annotated[str, typer.Option(help="A model's name or file.")] = "seem-nano",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
) -> None:
    """Print what each stage takes, alone and together, for each number of objects."""
    counts = _read_counts(objects)
    with open_reader(clip, stop=frames) as reader:
        info, held = reader.info, list(reader)
    loaded = load_model(model, device=device)
    table = Table(
        *("objects", "frames/s", "time / one", "job", "decode", "model", "write", "for reader", "for writer"),
        "not model",
        title=f"{info.name}, {info.width}x{info.height}, {len(held)} frames, ms a frame",
        caption="job: all together; decode, model, write: each alone; for reader, for writer: the model's waiting",
        box=None,
        pad_edge=False,
    )
    first = None
    for count in counts:
        row = measure(clip, held, info, loaded, count)
        first = first or row
        times = (row.job, row.decode, row.model, row.write, row.for_reader, row.for_writer)
        cells = f"{count}", f"{1000 / row.job:.1f}", f"{row.job / first.job:.2f}", *(f"{t:.1f}" for t in times)
        table.add_row(*cells, f"{row.not_model:.0%}")
    Console(width=110).print(table)


if __name__ == "__main__":
    run(main)
