"""Whether memory stays where it is: a long video that is made as it is tracked, with all usual outputs.

    python tools/soak.py [--frames 20000] [--objects 5] [--csv soak.csv] [--plot docs/images/soak.svg]

Prints frames a second and the slope of resident memory from frame 1,000 on, in MB a thousand frames, with twice its
standard error; that allows for neighbouring samples being alike. Needs Linux, where a process can read its own memory.
"""

import csv
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import typer
from rich.progress import Progress

from seem_video import Box, FrameResult, PromptEntry, SeemVideoError, track
from seem_video.io.palette import object_color
from seem_video.io.writer import USUAL
from seem_video.terminal import run

HEIGHT, WIDTH = 480, 854
SETTLED = 1000
"""The frame from which the slope counts; by then every pool and cache has been filled."""

Pixels = npt.NDArray[np.uint8]


class Sample(NamedTuple):
    """Resident memory, in MB, and seconds since the start, at a frame."""

    frame: int
    seconds: float
    memory_mb: float


class Slope(NamedTuple):
    """MB a thousand frames, and twice its standard error."""

    mb: float
    noise_mb: float


class Discs:
    """K discs, each circling in a cell of its own, over ground that drifts."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(0)
        noise = rng.integers(0, 256, (HEIGHT // 8, WIDTH // 4, 3), dtype=np.uint8)
        self._ground = cv2.resize(noise, (2 * WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) // 2 + 60
        columns = int(np.ceil(np.sqrt(count * WIDTH / HEIGHT)))
        rows = -(-count // columns)
        self._cell = np.array([WIDTH / columns, HEIGHT / rows])
        self._centres = (np.stack(np.divmod(np.arange(count), columns)[::-1], axis=1) + 0.5) * self._cell
        self._radius = float(self._cell.min()) / 4

    def prompts(self) -> list[PromptEntry]:
        """A box around each disc on frame 0."""
        corners = [(x - self._radius, y - self._radius, x + self._radius, y + self._radius) for x, y in self._places(0)]
        return [PromptEntry(Box(*map(round, box)), object_id) for object_id, box in enumerate(corners, start=1)]

    def frames(self, count: int) -> Iterator[Pixels]:
        """Yields (H, W, 3) uint8 RGB images."""
        for t in range(count):
            shift = t % WIDTH
            image = np.ascontiguousarray(self._ground[:, shift : shift + WIDTH])
            for object_id, (x, y) in enumerate(self._places(t), start=1):
                cv2.circle(image, (round(x), round(y)), round(self._radius), object_color(object_id), cv2.FILLED)
            yield image

    def _places(self, t: int) -> npt.NDArray[np.float64]:
        """Centres (K, 2) of the discs, x and y in pixels."""
        turn = t / 40 + np.arange(len(self._centres))
        return self._centres + np.stack([np.cos(turn), np.sin(turn)], axis=1) * self._cell / 6


def resident_mb() -> float:
    """Memory of this process that is in use right now, in MB."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        raise SeemVideoError("Resident memory is read from /proc/self/statm, which only Linux has.") from None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def fit_slope(samples: list[Sample]) -> Slope:
    """The straight line through the samples; neighbours that are alike count for less (first-order autocorrelation)."""
    x = np.array([sample.frame for sample in samples]) / 1000
    y = np.array([sample.memory_mb for sample in samples])
    x = x - x.mean()
    slope = float((x * y).sum() / (x * x).sum())
    rest = y - y.mean() - slope * x
    spread = float((rest * rest).sum())
    alike = float((rest[1:] * rest[:-1]).sum()) / spread if spread else 0.0
    independent = len(y) * (1 - alike) / (1 + alike)
    variance = spread / max(1.0, independent - 2) / len(y) / float((x * x).mean())
    return Slope(slope, 2 * variance**0.5)


def draw_svg(samples: list[Sample], slope: Slope, title: str) -> str:
    """Resident memory over frames, as an SVG picture."""
    width, height, left, right, top, bottom = 720, 300, 60, 20, 45, 40
    last, most = samples[-1].frame, max(sample.memory_mb for sample in samples)

    def x(frame: float) -> str:
        return f"{left + frame / last * (width - left - right):.1f}"

    def y(memory_mb: float) -> str:
        return f"{height - bottom - memory_mb / (1.1 * most) * (height - bottom - top):.1f}"

    ticks = [
        f'<path d="M{left} {y(mb)}H{width - right}" stroke="#ddd"/>'
        f'<text x="{left - 6}" y="{y(mb)}" text-anchor="end">{mb:.0f}</text>'
        for mb in np.linspace(0, most, 5)
    ] + [
        f'<text x="{x(frame)}" y="{height - bottom + 16}" text-anchor="middle">{frame:,.0f}</text>'
        for frame in np.linspace(0, last, 5)
    ]
    curve = " ".join(f"{x(sample.frame)},{y(sample.memory_mb)}" for sample in samples)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
            f'<text x="{left}" y="20">{title}: {slope.mb:+.2f} ± {slope.noise_mb:.2f} MB a thousand frames</text>',
            *ticks,
            f'<polyline points="{curve}" fill="none" stroke="#06c" stroke-width="1.5"/>',
            f'<text x="{left}" y="{height - 6}">resident memory (MB) over frames</text>',
            "</svg>\n",
        ]
    )


def soak(frames: int, objects: int, *, every: int, csv_file: Path, **options: object) -> list[Sample]:
    """Track so many frames, noting memory every so many; the CSV grows as the run does."""
    discs, samples = Discs(objects), []
    with ExitStack() as stack:
        out = stack.enter_context(tempfile.TemporaryDirectory(prefix="seem-video-soak-"))
        file = stack.enter_context(csv_file.open("w", newline="", buffering=1))
        bar = stack.enter_context(Progress(transient=True))
        task = bar.add_task(f"{objects} objects", total=frames)
        table = csv.writer(file)
        table.writerow(Sample._fields)
        begun = time.perf_counter()

        def note(result: FrameResult, _: int | None) -> None:
            bar.advance(task)
            if result.index % every == 0:
                samples.append(Sample(result.index, round(time.perf_counter() - begun, 3), round(resident_mb(), 3)))
                table.writerow(samples[-1])

        track(discs.frames(frames), discs.prompts(), out=Path(out) / "out", on_frame=note, **options)  # type: ignore[arg-type]
    return samples


def main(
    frames: Annotated[int, typer.Option(min=2 * SETTLED, help="Frames to track.")] = 20_000,
    objects: Annotated[int, typer.Option(min=1, max=255, help="Objects to track.")] = 5,
    every: Annotated[int, typer.Option(min=1, help="Note memory every so many frames.")] = 50,
    model: Annotated[str, typer.Option(help="A model's name or file.")] = "seem-nano",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
    max_side: Annotated[int | None, typer.Option(min=32, help="As for track.")] = None,
    save: Annotated[str, typer.Option(help="Outputs to write, separated by commas.")] = ",".join(USUAL),
    csv_file: Annotated[Path, typer.Option("--csv", help="Where the samples go.")] = Path("soak.csv"),
    plot: Annotated[Path | None, typer.Option(help="An SVG picture of them.")] = None,
) -> None:
    """Track a long synthetic video and print how resident memory went."""
    resident_mb()
    samples = soak(
        frames,
        objects,
        every=every,
        csv_file=csv_file,
        model=model,
        device=device,
        max_side=max_side,
        save=save.split(","),
    )
    settled = [sample for sample in samples if sample.frame >= SETTLED]
    slope = fit_slope(settled)
    title = f"{frames:,} frames of {WIDTH}x{HEIGHT}, {objects} objects"
    seconds = samples[-1].seconds - samples[0].seconds
    print(f"{title}: {(samples[-1].frame - samples[0].frame) / seconds:.2f} frames/s")
    print(
        f"resident memory at frame {settled[0].frame:,}: {settled[0].memory_mb:.1f} MB, at the end "
        f"{settled[-1].memory_mb:.1f} MB, most {max(sample.memory_mb for sample in samples):.1f} MB"
    )
    verdict = "within noise" if abs(slope.mb) <= slope.noise_mb else "beyond noise"
    print(f"slope from there: {slope.mb:+.3f} MB a thousand frames, noise {slope.noise_mb:.3f}: {verdict}")
    if plot:
        plot.write_text(draw_svg(samples, slope, title), encoding="utf-8")


if __name__ == "__main__":
    run(main)
