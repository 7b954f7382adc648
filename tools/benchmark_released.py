"""Time a released model stage by stage, and see how far half precision moves its masks.

    python tools/benchmark_released.py MODEL [--size 1080x1920] [--objects 10] [--precision bf16] [--compile]

MODEL is a name or file that `load_model` takes, or a `.manifest.json`, whose network is then filled with synthetic
weights: what they find is nonsense, how long it takes is not. Prints the median of several runs of each stage, in
seconds; the IoU of the clicked objects' masks with those in fp32; and the largest memory so far of the process, loading
included (on a GPU, of what PyTorch allocated).
"""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
import typer
from golden import Manifest
from rich.console import Console
from rich.table import Table
from torch import Tensor

from seem_video import demo_clip
from seem_video.errors import SeemVideoError
from seem_video.evaluation.metrics import region_similarity
from seem_video.evaluation.record import peak_memory_mb
from seem_video.io.reader import open_reader
from seem_video.model.architecture import build_filled
from seem_video.model.checkpoints import load_model, pick_device
from seem_video.model.picture import Picture, to_input
from seem_video.model.precision import PRECISIONS
from seem_video.model.query_decoder import INTERFACES, Prompts
from seem_video.model.released import ReleasedSEEM
from seem_video.model.released_weights import need_released
from seem_video.model.search import Found, find, read_prompts
from seem_video.prompts import Click, rasterise
from seem_video.terminal import run
from seem_video.tracking.session import VideoSession

BACKBONE, PIXEL_DECODER, WITH_MEMORY = "backbone", "pixel decoder", "decoder, clicked, with memory"
IN_ALL = "the three of a tracked frame"
FULL, HALF = "fp32", "bf16"
BOTH = [FULL, HALF]

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Measured:
    """Seconds of each stage in one precision, masks (N, rows, columns) of the clicked objects, memory so far in MB."""

    seconds: dict[str, float]
    masks: npt.NDArray[np.bool_]
    peak_mb: float

    def iou(self, other: Measured) -> tuple[float, float]:
        """Mean and least IoU over the objects of the masks with those in another precision."""
        each = [region_similarity(a, b) for a, b in zip(self.masks, other.masks, strict=True)]
        return float(np.mean(each)), min(each)

    def as_dict(self, full: Measured | None) -> dict[str, Any]:
        """For JSON; with `iou` where there is another precision to compare with."""
        content: dict[str, Any] = {"seconds": self.seconds, "peak_mb": self.peak_mb}
        return content if full is None else content | dict(zip(("iou_mean", "iou_least"), self.iou(full), strict=True))


@torch.inference_mode()
def measure(model: ReleasedSEEM, image: Image, clicks: Sequence[Click], runs: int) -> Measured:
    """Time the stages of a model, in its precision, on one frame with an object for each click."""
    if model.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    picture = Picture.encode(model, image)
    drawn = [rasterise([click], *image.shape[:2]) for click in clicks]
    masks = find(picture, read_prompts(picture, drawn)).logits
    seconds = {}
    for stage, work in _stages(model, image, picture, clicks, previous=masks).items():
        work()
        seconds[stage] = statistics.median(_seconds(work, model) for _ in range(runs))
    seconds[IN_ALL] = sum(seconds[stage] for stage in (BACKBONE, PIXEL_DECODER, WITH_MEMORY))
    return Measured(seconds, (masks > 0).cpu().numpy(), _peak_mb(model))


def _stages(
    model: ReleasedSEEM, image: Image, picture: Picture, clicks: Sequence[Click], *, previous: Tensor
) -> dict[str, Callable[[], object]]:
    half = torch.autocast(model.device.type, model.precision, enabled=model.precision != torch.float32)
    pixels = model.pad(to_input(model, image, None))
    maps = half(model.backbone)(pixels)
    drawn = [rasterise([click], *image.shape[:2]) for click in clicks]
    session = VideoSession(model)
    for object_id, click in enumerate(clicks, start=1):
        session.add(click, object_id=object_id)
    session.step(image)

    def everything() -> Tensor:
        answer = model.decode(picture.features, picture.owner(1), Prompts())["object"]
        return picture.masks(answer.embeddings)

    def clicked(before: Tensor | None) -> Found:
        return find(picture, read_prompts(picture, drawn), before)

    def first(decode: Callable[[], object]) -> Callable[[], object]:
        def decode_anew() -> object:
            picture.features.seen = []
            return decode()

        return decode_anew

    return {
        BACKBONE: lambda: half(model.backbone)(pixels),
        PIXEL_DECODER: half(lambda: model.features(*model.pixel_decoder(maps))),
        "decoder, everything": first(everything),
        "decoder, clicked": first(lambda: clicked(None)),
        WITH_MEMORY: first(lambda: clicked(previous)),
        "decoder, clicked again on the same frame": lambda: clicked(previous),
        "a frame of a session": lambda: session.step(image),
    }


def _seconds(work: Callable[[], object], model: ReleasedSEEM) -> float:
    begun = time.perf_counter()
    work()
    if model.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def _peak_mb(model: ReleasedSEEM) -> float:
    if model.device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return peak_memory_mb() or float("nan")


def _load(name: str, device: str) -> ReleasedSEEM:
    if not name.endswith(".manifest.json"):
        return need_released(load_model(name, device=device), "be timed here")
    tensors = {key: torch.from_numpy(np.asarray(value)) for key, value in Manifest.read(Path(name)).fill().items()}
    return build_filled(tensors, INTERFACES["v0"]).to(pick_device(device)).to(memory_format=torch.channels_last)


@contextmanager
def _compiler_errors_said(compiled: bool) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # what PyTorch raises without a C++ compiler is not of one public type
        if not compiled:
            raise
        reason = str(error).strip().splitlines()[0]
        raise SeemVideoError(f"torch.compile does not work here ({reason}); leave --compile out.") from error


def _frame(size: str) -> Image:
    """A frame of the package's demo clip, at another size."""
    found = re.fullmatch(r"(\d+)x(\d+)", size)
    if not found:
        raise SeemVideoError(f'Size "{size}" is not height x width in pixels, such as 1080x1920.')
    height, width = map(int, found.groups())
    with open_reader(demo_clip.VIDEO) as reader:
        image = reader.read_at(0).image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _show(title: str, measured: dict[str, Measured]) -> None:
    table = Table("Stage", title=title, title_justify="left", box=None, pad_edge=False)
    for precision in measured:
        table.add_column(f"{precision}, s", justify="right")
    full = measured.get(FULL)
    for stage in next(iter(measured.values())).seconds:
        table.add_row(stage, *(f"{one.seconds[stage]:.3f}" for one in measured.values()))
    table.add_row("largest memory so far, MB", *(f"{one.peak_mb:.0f}" for one in measured.values()))
    console = Console(highlight=False)
    console.print(table)
    for precision, one in measured.items():
        if full is not None and one is not full:
            mean, least = one.iou(full)
            console.print(f"IoU of masks in {precision} with {FULL}: mean {mean:.4f}, least {least:.4f}")


def main(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's name or file, or a .manifest.json.")],
    size: Annotated[str, typer.Option(metavar="HxW", help="Of the frame; the model sees it at its own size.")] = (
        "512x896"
    ),
    objects: Annotated[int, typer.Option(min=1, help="Objects, with a click each.")] = 1,
    precision: Annotated[list[str], typer.Option(help="fp32, bf16 or fp16; give it again for another.")] = BOTH,
    runs: Annotated[int, typer.Option(min=1, help="Of which the median is printed.")] = 5,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile backbone and pixel decoder first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Time a released model stage by stage, in full and half precision."""
    if unknown := [name for name in precision if name not in PRECISIONS]:
        raise SeemVideoError(f"There is no precision '{unknown[0]}'; choose among {', '.join(PRECISIONS)}.")
    image = _frame(size)
    loaded = _load(model, device)
    if compiled:
        loaded.backbone.compile()
        loaded.pixel_decoder.compile()
    places = np.random.default_rng(1).integers(0, image.shape[1::-1], (objects, 2)).tolist()
    measured = {}
    for name in precision:
        loaded.precision = PRECISIONS[name]
        with _compiler_errors_said(compiled):
            measured[name] = measure(loaded, image, [Click(x, y) for x, y in places], runs)
    if as_json:
        full = measured.get(FULL)
        print(json.dumps({name: one.as_dict(None if name == FULL else full) for name, one in measured.items()}))
        return
    seen = "x".join(map(str, loaded.input_size(*image.shape[:2])))
    how = f"{loaded.device}, {torch.get_num_threads()} threads{', compiled' if compiled else ''}"
    _show(f"{Path(model).name}, {size} seen as {seen}, {objects} objects, {how}", measured)


if __name__ == "__main__":
    run(main)
