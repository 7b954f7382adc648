"""Damaged videos: the reader and the tracking job give frames or a sentence, and never crash, hang or fill the memory.

    python tools/fuzz.py [CLIP ...] [--cases 2000] [--seed 0] [--workers 2]
    python tools/fuzz.py [CLIP ...] --only 17

The samples of `fuzz_corpus.py`, made from the demo clip or the given ones, come once as they are; all other cases are
damaged. A case is the same whenever its number, the seed, the clips and the release of PyAV are. Cases run in
processes that go on from one to the next and are replaced when they die; every tenth case is tracked, the others are
read. `--only` runs one case in this process, shows its traceback and keeps its file. For Linux; exit code 1: failures.
"""

import math
import multiprocessing
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from multiprocessing import connection
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from fuzz_corpus import Case, Sample, build_corpus, make_case
from rich.console import Console
from rich.progress import track as progress

from seem_video import Click, Percent, SeemVideoError, demo_clip, load_model, track
from seem_video.io.frame import Frame, SourceInfo
from seem_video.io.reader import open_reader
from seem_video.terminal import run

TRACKED_EVERY = 10
_MOST_READ, _MOST_TRACKED, _READ_BACK = 60, 6, 3
_MAX_SIDE = 64  # at which the model sees a frame: what is tried here is not how well it tracks
_LONGEST_SENTENCE = 400
_GLANCE_S = 0.1  # between looks at how long the cases take and how much they hold

WELL = ("whole", "broke off", "refused")
FAILURES = ("fault", "crash", "hang", "memory")


@dataclass(frozen=True)
class Finding:
    """How a case went: one of `WELL` or `FAILURES`, and in words."""

    outcome: str
    words: str = ""


def examine(case: Case) -> Finding:
    """Reads a case, or tracks it if it is one in ten; whatever is raised but our own sentence is a fault."""
    try:
        return _examine(case)
    except SeemVideoError as error:
        return _said("refused", str(error))
    except Exception as error:
        return Finding("fault", f"{type(error).__name__}: {error}")


def _examine(case: Case) -> Finding:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / case.name
        path.write_bytes(case.data)
        broken = (_track if case.number % TRACKED_EVERY == 0 else _read)(path)
    return Finding("whole") if broken is None else _said("broke off", broken)


def _read(path: Path) -> str | None:
    """Reads forwards, and a little backwards from there; returns where the video broke off."""
    with open_reader(path) as reader:
        last = None
        for last in islice(reader, _MOST_READ):
            _check(last, reader.info)
        if last is not None:
            for frame in reader.reversed(last.index, max(0, last.index - _READ_BACK)):
                _check(frame, reader.info)
        return reader.broken


def _check(frame: Frame, info: SourceInfo) -> None:
    if frame.image.shape != (info.height, info.width, 3) or frame.image.dtype != np.uint8:
        raise TypeError(f"frame {frame.index} is {frame.image.dtype} of shape {frame.image.shape}")
    if not math.isfinite(frame.time_s):
        raise ValueError(f"frame {frame.index} is at {frame.time_s} s")


def _track(path: Path) -> str | None:
    click = Click(Percent(50), Percent(50))
    out = path.with_name("out")
    return track(path, [click], out=out, model=_model(), max_side=_MAX_SIDE, stop=_MOST_TRACKED).broken


@cache
def _model() -> torch.nn.Module:
    return load_model("seem-nano", device="cpu")


def _said(outcome: str, sentence: str) -> Finding:
    good = "\n" not in sentence and sentence.endswith(".") and len(sentence) <= _LONGEST_SENTENCE
    return Finding(outcome if good else "fault", sentence)


@dataclass
class _Worker:
    """A process that examines cases, and what it is at."""

    process: ForkProcess
    pipe: connection.Connection
    case: int | None = None
    begun: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls, examine_number: Callable[[int], Finding]) -> "_Worker":
        context = multiprocessing.get_context("fork")  # shares the corpus and the model
        mine, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, examine_number), daemon=True)
        process.start()
        theirs.close()
        return cls(process, mine)

    def give(self, case: int) -> None:
        self.case, self.begun = case, time.monotonic()
        self.pipe.send(case)

    def finding(self, limit_s: float, limit_mib: int) -> Finding | None:
        """What came of its case; None while it is at it and within the limits, beyond which it is ended."""
        held = _peak_mib(self.process.pid)
        if held is not None and held > limit_mib:
            found = Finding("memory", f"{held} MiB")
        elif self.pipe.poll():
            try:
                return self.pipe.recv()
            except EOFError:
                self.process.join()
                return Finding("crash", f"ended with {self.process.exitcode}")
        elif time.monotonic() - self.begun > limit_s:
            found = Finding("hang", f"not done after {limit_s:g} s")
        else:
            return None
        self.process.kill()
        self.process.join()
        return found


def run_cases(
    examine_number: Callable[[int], Finding], cases: Sequence[int], workers: int, limit_s: float, limit_mib: int
) -> Iterator[tuple[int, Finding]]:
    """Yields each case's number and finding as they come.

    Args:
        examine_number: what a worker does with a number.
        limit_s, limit_mib: the seconds and the resident memory that a case may take.
    """
    waiting = list(reversed(cases))
    pool = [_Worker.start(examine_number) for _ in range(min(workers, len(cases)))]
    while waiting or any(worker.case is not None for worker in pool):
        for place, worker in enumerate(pool):
            if worker.case is not None and (found := worker.finding(limit_s, limit_mib)):
                yield worker.case, found
                worker.case = None
                if not worker.process.is_alive():
                    worker = pool[place] = _Worker.start(examine_number)
            if worker.case is None and waiting:
                worker.give(waiting.pop())
        connection.wait([worker.pipe for worker in pool if worker.case is not None], _GLANCE_S)
    for worker in pool:
        worker.pipe.send(None)
        worker.process.join()


def _serve(pipe: connection.Connection, examine_number: Callable[[int], Finding]) -> None:
    while (number := pipe.recv()) is not None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak of the memory counts from here
        pipe.send(examine_number(number))


def _peak_mib(pid: int | None) -> int | None:
    """The most resident memory that a process had since it cleared its peak; None for one that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM")), None)


def _run_alone(case: Case) -> None:
    """One case in this process, for a debugger."""
    kept = Path(tempfile.mkdtemp()) / case.name
    kept.write_bytes(case.data)
    print(f"Case {case.number}, {case.name}, {case.done}: {kept}", flush=True)
    try:
        print(f"whole, or broke off: {_examine(case)}")
    except SeemVideoError as error:
        print(f"refused: {error}")


def main(
    clips: Annotated[list[Path] | None, typer.Argument(help="Clips to make samples of; the demo clip.")] = None,
    cases: Annotated[int, typer.Option(min=1, help="How many.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the damage.")] = 0,
    only: Annotated[int | None, typer.Option(min=0, help="The one case to run, in this process.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
    seconds: Annotated[float, typer.Option(help="How long a case may take.")] = 30,
    mib: Annotated[int, typer.Option(help="How much memory a process may hold.")] = 3072,
) -> int:
    """Read and track damaged videos, count what comes of it, and name each failure."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)  # its threads are lost in a fork, and it would wait for them
    with tempfile.TemporaryDirectory() as folder:
        corpus: list[Sample] = build_corpus(clips or [demo_clip.VIDEO], Path(folder))
    if only is not None:
        _run_alone(make_case(corpus, seed, only))
        return 0
    _model()
    counts: Counter[str] = Counter()
    found = run_cases(lambda n: examine(make_case(corpus, seed, n)), range(cases), workers, seconds, mib)
    for number, finding in progress(found, "Cases", total=cases, transient=True, console=Console(stderr=True)):
        counts[finding.outcome] += 1
        if finding.outcome in FAILURES:
            case = make_case(corpus, seed, number)
            print(f"Case {number}, {case.name}, {case.done}: {finding.outcome}: {finding.words}", flush=True)
    print(f"{cases} cases of seed {seed}: " + ", ".join(f"{counts[each]} {each}" for each in (*WELL, *FAILURES)))
    return int(any(counts[each] for each in FAILURES))


if __name__ == "__main__":
    run(main)
