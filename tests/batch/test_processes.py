"""Real processes, killed in the middle of their work."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from helpers import moving_square, run_with_a_small_disk, write_clip

from seem_video import Click, PromptEntry
from seem_video.batch.jobs import Job
from seem_video.batch.processes import ProcessEngine
from seem_video.batch.record import Outcome
from seem_video.batch.runner import Attempt, run_batch
from seem_video.job import is_unfinished

PROMPTS = (PromptEntry(Click(20, 30)),)
FRAMES = 40
PATIENCE_S = 300.0


def write_jobs(folder: Path, *names: str) -> list[Job]:
    images = np.concatenate([moving_square(20)] * (FRAMES // 20))
    options = {"save": ["masks", "rle"]}
    return [Job(name, str(write_clip(folder / f"{name}.mp4", images)), PROMPTS, options) for name in names]


def wait_for(condition) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def tracked(out: Path, name: str) -> int:
    """How many frames of a job that is not done yet are written."""
    return len(list((out / name / ".masks.part").glob("*.png")))


def test_a_killed_worker_costs_one_attempt_and_nothing_else(tmp_path: Path):
    out = tmp_path / "out"
    engine = ProcessEngine()
    killers: list[threading.Thread] = []
    resumed: list[bool] = []

    def kill(name: str, attempt: int) -> None:
        wait_for(lambda: attempt == 2 or tracked(out, name) >= 3)  # the second time early, before it writes anything
        wait_for(lambda: running(name))
        os.kill(running(name)[0], signal.SIGKILL)

    def running(name: str) -> list[int]:
        return [process.pid for attempt, process in list(engine._running.values()) if attempt.job.name == name]

    def on_change(outcome: Outcome) -> None:
        if (outcome.name, outcome.state, outcome.attempts) == ("once", "begun", 2):
            resumed.append(is_unfinished(out / "once"))
        begun_to_be_killed = {"once": outcome.attempts == 1, "always": True, "never": False}
        if outcome.state == "begun" and begun_to_be_killed[outcome.name]:
            killers.append(threading.Thread(target=kill, args=(outcome.name, outcome.attempts)))
            killers[-1].start()

    outcomes = run_batch(
        write_jobs(tmp_path, "once", "always", "never"), out, engine, workers=2, device="cpu", on_change=on_change
    )
    assert {outcome.name: (outcome.state, outcome.attempts) for outcome in outcomes} == {
        "once": ("done", 2),
        "always": ("failed", 2),
        "never": ("done", 1),
    }
    assert outcomes[1].note == "Its process was ended by SIGKILL."
    assert resumed == [True], "there was something to go on with"
    for name in ("once", "never"):
        assert {path.name for path in (out / name).iterdir()} == {"masks", "masks.json"}
        assert len(list((out / name / "masks").iterdir())) == FRAMES
    assert (out / "once/masks.json").read_text().replace("once", "never") == (out / "never/masks.json").read_text()
    assert not (out / "always/masks.json").exists()


def test_a_worker_killed_in_the_middle_of_its_last_word_costs_its_attempt_alone(tmp_path: Path):
    engine = ProcessEngine()
    attempt = Attempt(Job("a", "a.mp4", PROMPTS), tmp_path, resume=False, device="cpu", threads=None)
    mine, theirs = multiprocessing.Pipe(duplex=False)
    os.write(theirs.fileno(), struct.pack("!i", 1000) + b"the beginning of 1000 bytes")
    theirs.close()
    engine._running[mine] = attempt, SimpleNamespace(join=lambda: None, exitcode=-signal.SIGKILL)
    [(_, ending)] = engine.wait()
    assert ending.error == "Its process was ended by SIGKILL."


def test_a_batch_that_is_killed_itself_leaves_nobody_and_goes_on_later(tmp_path: Path):
    out = tmp_path / "out"
    for job in write_jobs(tmp_path, "a", "b"):
        Path(job.source).with_suffix(".json").write_text(json.dumps([{"click": [20, 30]}]))
    words = [sys.executable, "-m", "seem_video", "batch", str(tmp_path / "*.mp4"), "--out", str(out)]
    words += ["--device", "cpu", "--save", "masks,rle"]
    running = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    wait_for(lambda: tracked(out, "b") >= 3 or running.poll() is not None)
    running.kill()
    running.wait()
    wait_for(lambda: not _alive(out))
    assert json.loads((out / "b.job.json").read_text())["outcome"]["state"] == "begun"

    finished = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S)
    assert finished.returncode == 0, finished.stderr
    assert "a: skipped" in finished.stderr
    assert [line.split()[:2] for line in finished.stdout.splitlines()[1:]] == [["a", "skipped"], ["b", "done"]]
    assert len(list((out / "b/masks").iterdir())) == FRAMES


def _alive(out: Path) -> bool:
    """Whether the frames written still become more."""
    before = tracked(out, "b")
    time.sleep(1)
    return tracked(out, "b") != before


def test_the_command_says_what_failed_and_leaves_with_4(seem, clip: Path, tmp_path: Path):
    rows = [{"source": "gone.mp4", "prompts": [{"click": [20, 30]}]}]
    rows += [{"source": str(clip), "prompts": [{"click": [20, 30]}], "stop": 2, "save": ["rle"]}]
    (tmp_path / "jobs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    finished = seem("batch", tmp_path / "jobs.jsonl", "--out", tmp_path / "out", "--device", "cpu")
    assert finished.code == 4
    rows_shown = [line.split()[:2] for line in finished.out.splitlines()[1:] if not line.startswith(" ")]
    assert rows_shown == [["gone", "failed"], ["clip", "done"]]
    assert finished.err.splitlines()[-1] == "Error: 1 of 2 jobs failed: gone."
    assert seem("batch", tmp_path / "*.avi", "--out", tmp_path / "out").code == 2


def test_a_full_disk_fails_one_job_and_the_others_go_on(clip: Path, tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 128, 128, 3), np.uint8)
    write_clip(tmp_path / "noise.mp4", noise)
    for name in ("noise", "clip"):
        (tmp_path / f"{name}.json").write_text(json.dumps([{"click": [20, 30]}]))
    jobs = [{"source": f"{name}.mp4", "prompts": f"{name}.json", "save": ["overlay"]} for name in ("noise", "clip")]
    (tmp_path / "jobs.jsonl").write_text("\n".join(map(json.dumps, jobs)))
    (tmp_path / "out/noise").mkdir(parents=True)
    words = [sys.executable, "-m", "seem_video", "batch", tmp_path / "jobs.jsonl", "--out", tmp_path / "out"]
    finished = run_with_a_small_disk(tmp_path / "out/noise", *words, "--device", "cpu")
    assert finished.returncode == 4
    assert "noise: failed: There is no room left" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert (tmp_path / "out/clip/overlay.mp4").exists()
    states = {
        name: json.loads((tmp_path / f"out/{name}.job.json").read_text())["outcome"] for name in ("noise", "clip")
    }
    assert [(each["state"], each["attempts"]) for each in states.values()] == [("failed", 1), ("done", 1)]
