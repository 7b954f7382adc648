"""A real Ray cluster on this machine, one of whose workers is killed in the middle of its work."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import moving_square, write_clip

from seem_video import Click, PromptEntry, SeemVideoError
from seem_video.batch.jobs import Job
from seem_video.batch.ray_engine import RayEngine
from seem_video.batch.record import Outcome
from seem_video.batch.runner import run_batch

PROMPTS = (PromptEntry(Click(20, 30)),)
PATIENCE_S = 300.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray", reason="the package ray is not installed")
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=80 * 2**20, log_to_driver=False)
    yield
    ray.shutdown()


def test_a_killed_worker_costs_one_attempt_and_nothing_else(cluster, tmp_path: Path):
    out = tmp_path / "out"
    clips = {name: write_clip(tmp_path / f"{name}.mp4", moving_square(30)) for name in ("a", "b", "c")}
    jobs = [Job(name, str(clip), PROMPTS, {"save": ["masks", "rle"]}) for name, clip in clips.items()]
    jobs.append(Job("gone", str(tmp_path / "gone.mp4"), PROMPTS))

    def kill() -> None:
        deadline = time.monotonic() + PATIENCE_S
        while len(list((out / "b/.masks.part").glob("*.png"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(_worker("seem-video b"), signal.SIGKILL)

    def on_change(outcome: Outcome) -> None:
        if (outcome.name, outcome.state, outcome.attempts) == ("b", "begun", 1):
            threading.Thread(target=kill).start()

    outcomes = run_batch(jobs, out, RayEngine(), workers=2, device="cpu", on_change=on_change)
    assert {outcome.name: (outcome.state, outcome.attempts) for outcome in outcomes} == {
        "a": ("done", 1),
        "b": ("done", 2),
        "c": ("done", 1),
        "gone": ("failed", 1),
    }
    for name in clips:
        assert {path.name for path in (out / name).iterdir()} == {"masks", "masks.json"}
        assert len(list((out / name / "masks").iterdir())) == 30


def _worker(task: str) -> int:
    """The process of a Ray task, which Ray titles after it."""
    [pid] = [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdecimal() and f"ray::{task}" in (folder / "cmdline").read_text(errors="replace")
    ]
    return pid


def test_without_ray_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SeemVideoError, match=r"pip install 'seem-video\[ray\]'"):
        RayEngine()
