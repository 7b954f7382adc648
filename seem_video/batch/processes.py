"""Attempts in processes of this machine, a new one for each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from multiprocessing import connection
from multiprocessing.context import SpawnProcess

from seem_video.batch.runner import Attempt, Ending, run_attempt

_PATIENCE_S = 30.0  # for a process to close its files after Ctrl-C


class ProcessEngine:
    """Runs each attempt in a fresh process, which ends with it or with its parent."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._running: dict[connection.Connection, tuple[Attempt, SpawnProcess]] = {}

    def start(self, attempt: Attempt) -> None:
        mine, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_serve, args=(attempt, theirs), name=f"seem-video {attempt.job.name}")
        process.start()
        theirs.close()
        self._running[mine] = attempt, process

    def wait(self) -> list[tuple[Attempt, Ending]]:
        ready = connection.wait(list(self._running))
        return [self._finish(mine) for mine in list(self._running) if mine in ready]

    def _finish(self, mine: connection.Connection) -> tuple[Attempt, Ending]:
        attempt, process = self._running.pop(mine)
        try:
            ending = mine.recv()
        except (EOFError, OSError):  # it was gone without a word, or in the middle of one
            ending = None
        mine.close()
        process.join()
        return attempt, ending or Ending(error=f"Its process {_how_it_ended(process.exitcode)}.")

    def __enter__(self) -> ProcessEngine:
        return self

    def __exit__(self, *error: object) -> None:
        """Lets what still runs close its files, as Ctrl-C does, and ends it if it does not."""
        for _, process in self._running.values():
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signal.SIGINT)
        for _, process in self._running.values():
            process.join(_PATIENCE_S)
            process.kill()
            process.join()
        self._running.clear()


def _serve(attempt: Attempt, results: connection.Connection) -> None:
    """What a process does: the attempt, until it is told to stop or its parent is gone."""
    signal.signal(signal.SIGINT, _interrupt_once)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(KeyboardInterrupt):
        results.send(run_attempt(attempt))


def _interrupt_once(*_: object) -> None:
    """A terminal's Ctrl-C reaches this process twice, by itself and through its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"left with exit code {code}"
