"""What every kind of output is, and what it is fed: one frame's result, with what several outputs need made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from seem_video.io.overlay import draw_overlay
from seem_video.io.palette import Color
from seem_video.io.run_lengths import frame_entry
from seem_video.io.staging import Staged
from seem_video.prompts import PromptEntry
from seem_video.results import FrameResult

_Item = TypeVar("_Item")


class Shot:
    """One frame to be written.

    Attributes:
        result: the frame and its masks.
    """

    def __init__(
        self, result: FrameResult, prompts: Sequence[PromptEntry] = (), colors: Mapping[int, Color] | None = None
    ) -> None:
        self.result = result
        self._prompts = prompts
        self._colors = colors

    @cached_property
    def drawn(self) -> npt.NDArray[np.uint8]:
        """The frame with its masks and prompts drawn, (H, W, 3) uint8 RGB."""
        return draw_overlay(self.result, self._prompts, self._colors)

    @cached_property
    def foreground(self) -> npt.NDArray[np.bool_]:
        """The pixels of all objects together, (H, W) bool."""
        return np.asarray(self.result.masks.any(axis=0))

    @cached_property
    def entry(self) -> dict[str, Any]:
        """The frame's entry in masks.json."""
        return frame_entry(self.result)


class Output(Protocol):
    """One kind of output, fed frame by frame."""

    staged: Staged

    def write(self, shot: Shot) -> None:
        """Takes one frame."""

    def close(self) -> bool:
        """Makes the output whole under its temporary name; False if there is nothing in it."""

    def salvage(self) -> bool:
        """Makes whole what can be, even after `write` or `close` has failed; False if there is nothing in it."""


class EvenChoice(Generic[_Item]):
    """An even choice of a stream of any length: every n-th item, n doubling whenever `most` are held.

    Attributes:
        items: those chosen so far, fewer than `most`.
    """

    def __init__(self, most: int) -> None:
        self.items: list[_Item] = []
        self._most = most
        self._every = 1
        self._seen = 0

    def offer(self, make: Callable[[], _Item]) -> None:
        """Takes the stream's next item, which is only made if it is chosen."""
        if self._seen % self._every == 0:
            self.items.append(make())
            if len(self.items) == self._most:
                del self.items[1::2]
                self._every *= 2
        self._seen += 1
