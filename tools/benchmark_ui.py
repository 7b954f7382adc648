"""How long a click waits for its mask in the web page, and how much longer tracking takes there than in the command.

    python tools/benchmark_ui.py [clip.mp4] [--clicks 50] [--model seem-nano] [--device cpu]

Clicks are timed without a browser: prompt, mask, and the picture to be shown. They go to random places of one frame,
five to an object, as the page does them. The frame is encoded before the first one, which takes its own time.

Tracking is timed in Chromium on the page as it is served, from pressing Track until the page says that it is done, and
then until the files are ready; beside it, the same click in the middle of the first frame, model and outputs given to
what `seem-video track` calls, from decoding the first frame to closing the last file. It needs `pip install playwright`
and a `chromium`; without them it is left out.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer

from seem_video import Click, demo_clip, load_model, open_reader, track
from seem_video.app.desk import Desk
from seem_video.app.files import USUAL
from seem_video.app.models import ModelShelf
from seem_video.app.serve import serve
from seem_video.app.work import Work
from seem_video.terminal import run
from seem_video.tracking.propagation import VideoModel

_CLICKS_AN_OBJECT = 5
_PATIENCE_MS = 3_600_000
_WARM_UP = 3
"""Frames that are tracked before anything is timed."""


class Tracking(NamedTuple):
    """Seconds of a whole clip: of the command, and of the page, tracking and then writing the files."""

    command: float
    page: float
    files: float


def measure_clicks(clip: Path, model: VideoModel, clicks: int) -> tuple[float, list[float]]:
    """Seconds of encoding the first frame, and of each click from prompt to picture."""
    places = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        key = desk.new_key()
        desk.open(key, clip, model)
        info = desk.do(key, lambda work: work.info)
        begun = time.perf_counter()
        desk.do(key, lambda work: work.prepare(0))
        encoding, waits = time.perf_counter() - begun, []
        for i in range(clicks):
            click = Click(places.randrange(info.width), places.randrange(info.height))

            def show(work: Work, click: Click = click, object_id: int = i // _CLICKS_AN_OBJECT + 1) -> Path:
                work.add(click, object_id=object_id, frame=0)
                return work.picture(work.look(0))

            begun = time.perf_counter()
            desk.do(key, show)
            waits.append(time.perf_counter() - begun)
        desk.close_all()
    return encoding, waits


def measure_tracking(clip: Path, model: VideoModel, chromium: str) -> Tracking:
    """Tracks a clip from one click in the middle of its first frame, by the command and in the page."""
    from playwright.sync_api import sync_playwright

    info = open_reader(clip).info
    click = Click(info.width // 2, info.height // 2)
    with tempfile.TemporaryDirectory() as folder:
        track(clip, [click], out=Path(folder, "warm-up"), model=model, save=USUAL, stop=_WARM_UP)
        command = track(clip, [click], out=Path(folder, "out"), model=model, save=USUAL).seconds
    with serve(clip, ModelShelf("measured", model)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(address)
        page.locator("#picture img").click()  # in its middle
        page.locator("#status").get_by_text("object 1").wait_for()

        def press(button: str, done: str) -> float:
            begun = time.perf_counter()
            page.locator(button).click()
            page.locator("#status").get_by_text(done).wait_for()
            return time.perf_counter() - begun

        tracking = press("#track", "Tracked ")
        files = press("#export", "The files are ready")
        browser.close()
    return Tracking(command, tracking, files)


def main(
    clip: Annotated[Path, typer.Argument(help="A video.")] = demo_clip.VIDEO,
    clicks: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    model: Annotated[str, typer.Option(help="A model's name or file.")] = "seem-nano",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
) -> None:
    """Print how long clicks wait for their masks, and seconds of tracking in the page and by the command."""
    loaded = load_model(model, device=device)
    encoding, waits = measure_clicks(clip, loaded, clicks)
    median, most = np.percentile(waits, [50, 95])
    print(f"encoding the frame: {1000 * encoding:.0f} ms")
    print(f"a click, of {len(waits)}: median {1000 * median:.0f} ms, 95 % within {1000 * most:.0f} ms")
    chromium = shutil.which("chromium")
    if chromium is None or find_spec("playwright") is None:
        print("tracking: not measured, as that needs Playwright and a chromium")
        return
    took = measure_tracking(clip, loaded, chromium)
    whole = took.page + took.files
    print(f"tracking by the command, with {', '.join(USUAL)}: {took.command:.1f} s")
    print(f"in the page: {took.page:.1f} s, {took.page / took.command:.2f} times as long")
    print(f"in the page, with the same files: {whole:.1f} s, {whole / took.command:.2f} times as long")


if __name__ == "__main__":
    run(main)
