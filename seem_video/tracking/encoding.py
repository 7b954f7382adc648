"""Frames encoded ahead of the tracker, by threads of their own.

What a frame shows does not depend on the frames before it, where the objects are does. So on a CPU, where threads that
share one frame wait for each other at every layer, a core is used better by a frame of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

from seem_video.errors import SeemVideoError
from seem_video.io.reader import Frame, FrameReader
from seem_video.model.seem import SEEM
from seem_video.tracking.propagation import VideoModel

ENCODERS = 2
"""Threads that encode; with the one that tracks they share PyTorch's threads."""
MOST_OBJECTS = 5
"""With more of them, tracking takes longer than encoding, and needs all threads itself."""

Asked = tuple[Frame, bool]
"""A frame, and whether it is asked for."""
Encoded = tuple[Frame, bool, Future[Any] | None]
"""The same, and its features, if they are being made."""


def encoders_for(model: VideoModel, reader: FrameReader, objects: int) -> int:
    """How many threads are to encode: some on a CPU of several cores, of a source from which nobody waits for a frame.

    The released models' features are so large that several frames at once might not fit.
    """
    is_stored = reader.info.path is not None and not reader.newest_only
    is_small = isinstance(model, SEEM) and model.device.type == "cpu"
    return ENCODERS if is_stored and is_small and objects <= MOST_OBJECTS and torch.get_num_threads() > 1 else 0


def use_threads(count: int) -> None:
    """Let PyTorch use so many threads in this thread, which may be new to it.

    A thread that PyTorch has not looked at yet takes, at its first operation, the count set last in any thread,
    whatever it was told itself; and how sums are rounded depends on the count. So it is made to look first.
    """
    torch.get_num_threads()
    torch.set_num_threads(count)


@contextmanager
def threads_for_each(encoders: int) -> Iterator[None]:
    """Let PyTorch use, in this thread, its share of the threads that so many encoders and the tracker have."""
    before = torch.get_num_threads()
    torch.set_num_threads(_share(before, encoders))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def encode_ahead(
    frames: Iterable[Asked], encode: Callable[[Frame], Any], is_wanted: Callable[[], bool], encoders: int
) -> Iterator[Encoded]:
    """Each frame with what `encode` makes of it, which is begun while those before it are tracked.

    Args:
        frames: in the order of tracking.
        encode: called by several threads at once. is_wanted: whether to encode the next frame here.
        encoders: how many threads; with none, nothing is encoded here.

    Raises:
        SeemVideoError: `frames` did, after the frames that came before.
    """
    if not encoders:
        yield from ((frame, is_asked_for, None) for frame, is_asked_for in frames)
        return
    source, ended, broken = iter(frames), False, None
    waiting = deque[Encoded]()
    share = _share(torch.get_num_threads(), encoders)
    with ThreadPoolExecutor(encoders, "seem-video encoder", use_threads, (share,)) as pool:
        try:
            while True:
                while not ended and len(waiting) <= encoders:
                    try:
                        frame, is_asked_for = next(source)
                        waiting.append((frame, is_asked_for, pool.submit(encode, frame) if is_wanted() else None))
                    except StopIteration:
                        ended = True
                    except SeemVideoError as error:
                        ended, broken = True, error
                if not waiting:
                    break
                yield waiting.popleft()
        except BaseException:  # nobody wants the rest
            pool.shutdown(cancel_futures=True)
            raise
    if broken is not None:
        raise broken


def _share(threads: int, encoders: int) -> int:
    return max(1, threads // (encoders + 1)) if encoders else threads
