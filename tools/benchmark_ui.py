"""How long a click waits for its mask in the web page, without a browser: prompt, mask, and the picture to be shown.

    python tools/benchmark_ui.py [clip.mp4] [--clicks 50] [--model seem-nano] [--device cpu]

Clicks go to random places of one frame, five to an object, as the page does them. The frame is encoded before the first
one, which takes its own time.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from seem_video import Click, demo_clip, load_model
from seem_video.app.desk import Desk
from seem_video.app.work import Work
from seem_video.terminal import run

_CLICKS_AN_OBJECT = 5


def measure(clip: Path, model_name: str, device: str, clicks: int) -> tuple[float, list[float]]:
    """Seconds of encoding the first frame, and of each click from prompt to picture."""
    model = load_model(model_name, device=device)
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


def main(
    clip: Annotated[Path, typer.Argument(help="A video.")] = demo_clip.VIDEO,
    clicks: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    model: Annotated[str, typer.Option(help="A model's name or file.")] = "seem-nano",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
) -> None:
    """Print how long clicks wait for their masks: median and 95 %."""
    encoding, waits = measure(clip, model, device, clicks)
    median, most = np.percentile(waits, [50, 95])
    print(f"encoding the frame: {1000 * encoding:.0f} ms")
    print(f"a click, of {len(waits)}: median {1000 * median:.0f} ms, 95 % within {1000 * most:.0f} ms")


if __name__ == "__main__":
    run(main)
