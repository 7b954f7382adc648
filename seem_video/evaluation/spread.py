"""Sequences are independent: the work on each is spread over processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import cv2

from seem_video.evaluation.davis import DavisSequence

T = TypeVar("T")


def spread(work: Callable[[DavisSequence], T], sequences: tuple[DavisSequence, ...], jobs: int) -> Iterator[T]:
    """What `work`, which must be picklable, makes of each sequence, in order, whatever order they are done in."""
    if jobs == 1 or len(sequences) == 1:
        yield from map(work, sequences)
        return
    # spawn: forking a process whose libraries run threads can hang the child.
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        futures: dict[str, Future[T]] = {}
        for sequence in sorted(sequences, key=lambda s: -len(s.annotations)):
            futures[sequence.name] = pool.submit(work, sequence)
        try:
            yield from (futures[sequence.name].result() for sequence in sequences)
        finally:
            pool.shutdown(cancel_futures=True)
