"""What a batch promises: the files of single runs, nothing done twice, and no job that takes another with it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import moving_square, write_clip
from kill_resume import contents

from seem_video import Click, PromptEntry, track
from seem_video.batch import runner
from seem_video.batch.jobs import Job
from seem_video.batch.record import Outcome
from seem_video.batch.runner import Attempt, Ending, run_attempt, run_batch
from seem_video.model import checkpoints
from seem_video.results import FrameResult
from seem_video.tracking.tracker import Tracker

PROMPTS = (PromptEntry(Click(20, 30)),)


class InlineEngine:
    """Runs attempts in this process, one after the other."""

    def __init__(self, run: Callable[[Attempt], Ending] = run_attempt) -> None:
        self._run = run
        self._ended: list[tuple[Attempt, Ending]] = []

    def start(self, attempt: Attempt) -> None:
        self._ended.append((attempt, self._run(attempt)))

    def wait(self) -> list[tuple[Attempt, Ending]]:
        ended, self._ended = self._ended, []
        return ended

    def __enter__(self) -> InlineEngine:
        return self

    def __exit__(self, *error: object) -> None:
        pass


@pytest.fixture
def jobs(tmp_path: Path, model, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Two clips, and one model for all runs."""
    monkeypatch.setattr(checkpoints, "load_model", lambda *_, **__: model)
    options = {"save": ["masks", "rle"]}
    return [
        Job(name, str(write_clip(tmp_path / f"{name}.mp4", moving_square(frames))), PROMPTS, options)
        for name, frames in (("a", 3), ("b", 4))
    ]


def states(outcomes: list[Outcome]) -> dict[str, tuple[str, int]]:
    return {outcome.name: (outcome.state, outcome.attempts) for outcome in outcomes}


def test_the_files_are_those_of_single_runs(jobs: list[Job], tmp_path: Path, model):
    outcomes = run_batch(jobs, tmp_path / "out", InlineEngine())
    assert states(outcomes) == {"a": ("done", 1), "b": ("done", 1)}
    assert [outcome.frames for outcome in outcomes] == [3, 4]
    for job in jobs:
        track(job.source, PROMPTS, out=tmp_path / "single" / job.name, model=model, save=["masks", "rle"])
        assert contents(tmp_path / "out" / job.name) == contents(tmp_path / "single" / job.name)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a", "b", "a.job.json", "b.job.json"}


def test_what_is_whole_is_skipped_and_what_is_not_is_done(jobs: list[Job], tmp_path: Path):
    run_batch(jobs, tmp_path / "out", InlineEngine())
    assert states(run_batch(jobs, tmp_path / "out", InlineEngine())) == {"a": ("skipped", 0), "b": ("skipped", 0)}
    (tmp_path / "out/b/masks.json").unlink()
    assert states(run_batch(jobs, tmp_path / "out", InlineEngine())) == {"a": ("skipped", 0), "b": ("done", 1)}
    write_clip(Path(jobs[0].source), moving_square(5))
    first, _ = run_batch(jobs, tmp_path / "out", InlineEngine())
    assert first.state == "failed"
    assert "made with another source; add --overwrite" in str(first.note)


def test_other_settings_need_overwrite(jobs: list[Job], tmp_path: Path):
    run_batch(jobs, tmp_path / "out", InlineEngine())
    others = [
        dataclasses.replace(jobs[0], prompts=(PromptEntry(Click(21, 30)),)),
        dataclasses.replace(jobs[1], options={"save": ["rle"], "stop": 2}),
    ]
    first, second = run_batch(others, tmp_path / "out", InlineEngine())
    assert "another prompts" in str(first.note)
    assert "another save, stop" in str(second.note)
    assert len(json.loads((tmp_path / "out/b/masks.json").read_text())["frames"]) == 4, "nothing is touched"
    assert states(run_batch(others, tmp_path / "out", InlineEngine(), overwrite=True)) == {
        "a": ("done", 1),
        "b": ("done", 1),
    }
    assert len(json.loads((tmp_path / "out/b/masks.json").read_text())["frames"]) == 2


def test_a_folder_that_is_not_ours_is_left_alone(jobs: list[Job], tmp_path: Path):
    (tmp_path / "out/a").mkdir(parents=True)
    (tmp_path / "out/a/thesis.tex").write_text("years of work")
    (tmp_path / "out/b.job.json").write_text("{}")
    first, second = run_batch(jobs, tmp_path / "out", InlineEngine())
    assert "not empty; add --overwrite" in str(first.note)
    assert "no record of a batch" in str(second.note)
    assert contents(tmp_path / "out") == {"a/thesis.tex": b"years of work", "b.job.json": b"{}"}


def test_a_source_that_cannot_be_and_a_record_of_something_else_fail_their_jobs_alone(jobs: list[Job], tmp_path: Path):
    run_batch(jobs, tmp_path / "out", InlineEngine())
    record = json.loads((tmp_path / "out/b.job.json").read_text())
    record["outcome"]["files"] = None
    (tmp_path / "out/b.job.json").write_text(json.dumps(record))
    endless = Job("endless", "a" * 5000, PROMPTS)
    outcomes = run_batch([endless, *jobs], tmp_path / "out", InlineEngine())
    assert states(outcomes) == {"endless": ("failed", 1), "a": ("skipped", 0), "b": ("failed", 0)}
    assert "no record of a batch" in str(outcomes[2].note)


def test_a_mistake_is_final_and_a_fault_is_tried_once_more(jobs: list[Job], tmp_path: Path):
    gone = Job("gone", str(tmp_path / "gone.mp4"), PROMPTS)
    faults = iter([RuntimeError("out of memory"), None])

    def run(attempt: Attempt) -> Ending:
        if attempt.job.name == "a" and (fault := next(faults)):
            return Ending(error=str(fault))
        return run_attempt(attempt)

    outcomes = run_batch([gone, *jobs], tmp_path / "out", InlineEngine(run))
    assert states(outcomes) == {"gone": ("failed", 1), "a": ("done", 2), "b": ("done", 1)}
    assert "no file or folder" in str(outcomes[0].note)
    assert outcomes[1].note is None


def test_a_fault_of_ours_ends_the_attempt_with_its_traceback(jobs: list[Job], tmp_path: Path, monkeypatch):
    monkeypatch.setattr(runner, "_limit_threads", lambda threads: 1 / 0)
    outcomes = run_batch(jobs[:1], tmp_path / "out", InlineEngine(), workers=2)
    assert states(outcomes) == {"a": ("failed", 2)}
    assert str(outcomes[0].note).startswith("ZeroDivisionError")
    assert "Traceback" in (tmp_path / "out/a.job.json").read_text()


def _dies_at(frame: int) -> Callable[[Attempt], Ending]:
    """A first attempt at each job that tracks this many frames and is gone, as one that is killed."""
    died = set()

    def run(attempt: Attempt) -> Ending:
        def die(result: FrameResult, expected: int | None) -> None:
            if result.index == frame:
                raise KeyboardInterrupt

        if attempt.job.name in died:
            return run_attempt(attempt)
        died.add(attempt.job.name)
        with pytest.raises(KeyboardInterrupt):
            track(attempt.job.source, PROMPTS, out=attempt.folder, overwrite=True, on_frame=die, **attempt.job.options)
        return Ending(error="Its process was ended by SIGKILL.")

    return run


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the frames that a model was shown, in all runs."""
    frames: list[int] = []
    step = Tracker.step

    def record(tracker: Tracker, index: int, *others: Any) -> Any:
        frames.append(index)
        return step(tracker, index, *others)

    monkeypatch.setattr(Tracker, "step", record)
    return frames


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_second_attempt_goes_on_where_the_first_one_ended(
    jobs: list[Job], tmp_path: Path, tracked: list[int], overwrite: bool
):
    outcomes = run_batch(jobs[1:], tmp_path / "out", InlineEngine(_dies_at(1)), overwrite=overwrite)
    assert states(outcomes) == {"b": ("done", 2)}
    assert tracked == [0, 1, 2, 3], "no frame twice"
    track(jobs[1].source, PROMPTS, out=tmp_path / "single", save=["masks", "rle"])
    assert contents(tmp_path / "out/b") == contents(tmp_path / "single")


@pytest.mark.parametrize(("overwrite", "frames"), [(False, [2, 3]), (True, [0, 1, 2, 3])])
def test_a_later_batch_goes_on_unless_it_is_to_overwrite(
    jobs: list[Job],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tracked: list[int],
    overwrite: bool,
    frames: list[int],
):
    with monkeypatch.context() as patch:
        patch.setattr(runner, "_MOST_ATTEMPTS", 1)
        assert states(run_batch(jobs[1:], tmp_path, InlineEngine(_dies_at(1)))) == {"b": ("failed", 1)}
    tracked.clear()
    assert states(run_batch(jobs[1:], tmp_path, InlineEngine(), overwrite=overwrite)) == {"b": ("done", 1)}
    assert tracked == frames
