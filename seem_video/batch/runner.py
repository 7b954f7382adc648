"""Runs jobs side by side, each attempt in a process of its own, so that one that dies takes nothing with it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seem_video.batch.jobs import Job
from seem_video.batch.record import Outcome, Record
from seem_video.errors import SeemVideoError
from seem_video.io.staging import failure, prepare_folder

_MOST_ATTEMPTS = 2


@dataclass(frozen=True)
class Attempt:
    """One go at a job, as a process takes it.

    Attributes:
        job: what to do.
        folder: where its outputs go; what is in it is replaced.
        resume: go on with what an earlier attempt left there, if it left something to go on with.
        device: where the model runs.
        threads: how many the model may use; None for as many as it likes.
    """

    job: Job
    folder: Path
    resume: bool
    device: str
    threads: int | None


@dataclass(frozen=True)
class Ending:
    """How an attempt ended.

    Attributes:
        frames, seconds, files: of what was written, if it went well.
        broken: where the source broke off.
        error: why it did not go well.
        final: another attempt would end in the same way.
    """

    frames: int = 0
    seconds: float = 0.0
    files: tuple[str, ...] = ()
    broken: str | None = None
    error: str | None = None
    final: bool = False


class Engine(Protocol):
    """What runs attempts; a context manager that stops what still runs when it is left."""

    def start(self, attempt: Attempt) -> None:
        """Begins an attempt, without waiting for it."""

    def wait(self) -> list[tuple[Attempt, Ending]]:
        """Waits until at least one attempt has ended; returns those that have."""

    def __enter__(self) -> Engine: ...

    def __exit__(self, *error: object) -> None: ...


def run_attempt(attempt: Attempt) -> Ending:
    """Does an attempt in this process; whatever goes wrong in it is in the ending."""
    try:
        if attempt.threads is not None:
            _limit_threads(attempt.threads)
        from seem_video.job import is_unfinished, track

        job, folder = attempt.job, attempt.folder
        resume = attempt.resume and is_unfinished(folder)
        summary = track(
            job.source,
            job.prompts,
            out=folder,
            device=attempt.device,
            overwrite=True,
            resume=resume,
            **job.options,
        )
    except SeemVideoError as error:
        return Ending(error=str(error), final=True)
    except Exception as error:  # one job's fault must not end the batch
        import traceback

        return Ending(error=f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
    files = tuple(path.name for path in summary.files)
    return Ending(summary.frames, summary.seconds, files, summary.broken)


def run_batch(
    jobs: Sequence[Job],
    out: str | Path,
    engine: Engine,
    *,
    workers: int = 1,
    device: str = "auto",
    overwrite: bool = False,
    on_change: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Tracks every job into `out / job.name`, at most `workers` at a time.

    A job that an earlier run finished with the same settings is skipped, one that it left unfinished is resumed. One
    whose process dies or raises something unforeseen is tried once more, and resumed; neither that nor a mistake in it
    (which is final) stops the others.

    Args:
        out: the folder of all outputs; beside each job's folder lies its record, `NAME.job.json`.
        engine: what runs them.
        device: where the models run.
        overwrite: replace what others made, or other settings; what is unfinished begins anew.
        on_change: called whenever a job begins, is skipped, or an attempt at it has ended.

    Returns:
        the outcomes, in the order of the jobs.

    Raises:
        SeemVideoError: `out` cannot be written to.
    """
    batch = _Batch(Path(out), engine, workers, device, overwrite, on_change or (lambda outcome: None))
    prepare_folder(batch.out, overwrite=True)
    outcomes = {job.name: Outcome(job.name) for job in jobs}
    waiting = deque(jobs)
    running: dict[str, Job] = {}
    with engine:
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.popleft()
                if batch.begin(job, outcomes[job.name]):
                    running[job.name] = job
            for attempt, ending in engine.wait() if running else ():
                job = running.pop(attempt.job.name)
                if batch.end(job, outcomes[job.name], ending):
                    waiting.appendleft(job)
    return list(outcomes.values())


@dataclass(frozen=True)
class _Batch:
    out: Path
    engine: Engine
    workers: int
    device: str
    overwrite: bool
    on_change: Callable[[Outcome], None]

    def begin(self, job: Job, outcome: Outcome) -> bool:
        """Starts an attempt at a job, unless it is done already or may not be begun; returns whether it did."""
        folder = self.out / job.name
        record = Record.of(job, folder)
        try:
            earlier = self._earlier(record)
            if earlier is not None and earlier.state == "done":
                vars(outcome).update(vars(earlier), state="skipped", attempts=0)
                self.on_change(outcome)
                return False
            prepare_folder(folder, overwrite=self.overwrite or earlier is not None)
            outcome.state, outcome.attempts = "begun", outcome.attempts + 1
            record.write(outcome)
        except (SeemVideoError, OSError) as error:
            outcome.state = "failed"
            outcome.note = str(error if isinstance(error, SeemVideoError) else failure(error, self.out))
            self.on_change(outcome)
            return False
        self.on_change(outcome)
        resume = outcome.attempts > 1 or (earlier is not None and not self.overwrite)
        self.engine.start(Attempt(job, folder, resume, self.device, _threads(self.workers)))
        return True

    def _earlier(self, record: Record) -> Outcome | None:
        try:
            return record.earlier()
        except SeemVideoError:
            if self.overwrite:
                return None
            raise

    def end(self, job: Job, outcome: Outcome, ending: Ending) -> bool:
        """Takes down how an attempt ended; returns whether there is to be another."""
        outcome.state = "done" if ending.error is None else "failed"
        outcome.frames, outcome.seconds, outcome.files = ending.frames, ending.seconds, ending.files
        outcome.note = ending.error or ending.broken
        try:
            Record.of(job, self.out / job.name).write(outcome)
        except OSError as error:
            outcome.state, outcome.note = "failed", str(failure(error, self.out))
        self.on_change(outcome)
        return outcome.state == "failed" and not ending.final and outcome.attempts < _MOST_ATTEMPTS


def _threads(workers: int) -> int | None:
    """Each worker's share of the processors; a single one is left to choose as a single run is."""
    return None if workers == 1 else max(1, (os.cpu_count() or 1) // workers)


def _limit_threads(threads: int) -> None:
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
