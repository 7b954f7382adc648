"""Runs killed at any moment, and resumed, end with the very files of a run that was left alone.

    python tools/kill_resume.py [CLIP --prompts FILE.json] [--kills 50] [--seed 0] [--stop 60]

`seem-video track` is ended by SIGKILL at a random moment of the time that it needs, and resumed; that may be killed
too, until it gets through. Its files are compared byte for byte with those of the run that nothing happened to.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from seem_video import demo_clip
from seem_video.job import is_unfinished
from seem_video.terminal import run

SAVE = "overlay,masks,rle,contact,coco"


@dataclass
class Tally:
    """What came of the runs.

    Attributes:
        kills: how often a process was killed. begun: of these, how often there was something to go on with.
        runs: how many got through in the end. different: of these, how many left other files.
    """

    kills: int = 0
    begun: int = 0
    runs: int = 0
    different: int = 0


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder by their path in it, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def gets_through(words: list[str], kill_after_s: float | None) -> bool:
    """Runs a command, or kills it if it takes too long; raises `CalledProcessError` if it fails by itself."""
    try:
        subprocess.run(words, timeout=kill_after_s, check=True)
    except subprocess.TimeoutExpired:  # `run` has killed it, and waited for its end
        return False
    return True


def kill_and_resume(words: list[str], folder: Path, kills: int, seed: int = 0) -> Tally:
    """Lets a tracking command run to its end, and then under kills.

    Args:
        words: the command, to which `--out` and `--resume` are added.
        folder: an empty one for the outputs.
        kills: after so many the last run may end in peace.
        seed: of the moments.
    """
    begun_s = time.monotonic()
    gets_through([*words, "--out", str(folder / "whole")], None)
    whole_s, whole = time.monotonic() - begun_s, contents(folder / "whole")
    rng, tally = np.random.default_rng(seed), Tally()
    while tally.kills < kills:
        out = folder / f"run{tally.runs}"
        command = [*words, "--out", str(out)]
        while not gets_through(command, rng.uniform(0, whole_s) if tally.kills < kills else None):
            tally.kills += 1
            tally.begun += is_unfinished(out)
            command = [*words, "--out", str(out), "--resume"]
        tally.runs += 1
        found = contents(out)
        if found != whole:
            tally.different += 1
            names = sorted(name for name in {*found, *whole} if found.get(name) != whole.get(name))
            print(f"Run {tally.runs - 1} differs in {', '.join(names)}", flush=True)
    return tally


def main(
    clip: Annotated[Path, typer.Argument(help="The video.")] = demo_clip.VIDEO,
    prompts: Annotated[Path, typer.Option(help="Its prompts file.")] = demo_clip.PROMPTS,
    kills: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    seed: Annotated[int, typer.Option(help="Of their moments.")] = 0,
    stop: Annotated[int, typer.Option(min=1, help="Frame to stop before.")] = 60,
) -> int:
    """Kill and resume runs, and count how many end with other files; exit code 1 if any does."""
    words = [sys.executable, "-m", "seem_video", "track", str(clip), "--prompts", str(prompts), "--stop", str(stop)]
    with tempfile.TemporaryDirectory() as folder:
        tally = kill_and_resume([*words, "--save", SAVE, "--device", "cpu", "--quiet"], Path(folder), kills, seed)
    print(
        f"{tally.kills} kills, {tally.begun} of them with something begun, in {tally.runs} runs: "
        f"{tally.runs - tally.different} ended with the files of the run that was left alone, {tally.different} did not"
    )
    return int(tally.different > 0)


if __name__ == "__main__":
    run(main)
