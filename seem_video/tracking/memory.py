"""The bounded memory bank: which past frames are kept, and what they say about each object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from seem_video.model.config import MemoryConfig
from seem_video.model.memory_encoder import read_memory
from seem_video.model.visual_sampler import PromptTokens
from seem_video.model.windows import STRIDE, Window


@dataclass
class _Entry:
    """One remembered frame.

    Attributes:
        index: frame number. key: (1, C, h, w).
        values: (K, D + 1, h, w), zeros for objects it says nothing of; the last is how much of a cell was theirs.
        present: (K,) bool, the objects it speaks of. anchors: ids first prompted there. prompted: prompts were given.
    """

    index: int
    key: Tensor
    values: Tensor
    present: Tensor
    anchors: frozenset[int]
    prompted: bool


class MemoryBank:
    """What is remembered of K objects: pixel memory of a few frames, reference prompts, memory prompts.

    The rule of what stays: the frame of an object's first prompt for as long as the object lives; the newest
    `prompted` other prompted frames; the newest `recent` frames without prompts. So the size is bounded by the numbers
    of the configuration and the number of objects, however long the video.
    """

    def __init__(self, config: MemoryConfig) -> None:
        self.config = config
        self.object_ids: list[int] = []
        self._entries: list[_Entry] = []
        self._stacked: tuple[Tensor, Tensor, Tensor] | None = None
        self._reference: PromptTokens | None = None
        self._recent: PromptTokens | None = None
        self._recent_at: dict[int, int] = {}  # object -> the frame of its memory prompts

    def __len__(self) -> int:
        return len(self._entries)

    def frames(self) -> list[int]:
        """Numbers of the frames in the pixel memory, oldest first."""
        return [entry.index for entry in self._entries]

    def prompt_frames(self) -> list[int]:
        """Numbers of the frames that the objects' memory prompts are from."""
        return sorted(set(self._recent_at.values()))

    def add_objects(self, ids: list[int]) -> None:
        """Make room for new objects; remembered frames say nothing about them."""
        self.object_ids += ids
        for entry in self._entries:
            entry.values = _grow(entry.values, len(ids))
            entry.present = _grow(entry.present, len(ids))
        for name in ("_reference", "_recent"):
            tokens: PromptTokens | None = getattr(self, name)
            if tokens is not None:
                grown = [_grow(level, len(ids)) for level in tokens.levels]
                setattr(
                    self, name, PromptTokens(grown, _grow(tokens.valid, len(ids)), _grow(tokens.positive, len(ids)))
                )
        self._stacked = None

    def remove_object(self, object_id: int) -> None:
        """Forget an object, and frames kept for it alone."""
        keep = [i for i, known in enumerate(self.object_ids) if known != object_id]
        self.object_ids = [self.object_ids[i] for i in keep]
        self._entries = [
            replace(entry, values=entry.values[keep], present=entry.present[keep], anchors=entry.anchors - {object_id})
            for entry in self._entries
        ]
        self._entries = [entry for entry in self._entries if entry.present.any()]
        if self._reference is not None and self._recent is not None:
            self._reference, self._recent = self._reference.select(keep), self._recent.select(keep)
        self._recent_at.pop(object_id, None)
        self._stacked = None

    def is_due(self, index: int) -> bool:
        """Whether no frame is remembered yet of the `every` that this one is among, by its number."""
        every = self.config.every
        return not self._entries or self._entries[-1].index // every != index // every

    def remember_pixels(
        self,
        index: int,
        key: Tensor,
        values: Tensor,
        shares: Tensor,
        present: Tensor,
        *,
        first_prompted: frozenset[int],
        prompted: bool,
    ) -> None:
        """Add a frame to the pixel memory and drop what the rule no longer keeps.

        Args:
            index: frame number. key: (1, C, h, w) of the frame. values: (K, D, h, w) of the objects in `object_ids`.
            shares: (K, h, w), how much of each cell their masks cover.
            present: (K,) bool, the objects whose mask on this frame is trusted.
            first_prompted: ids whose first prompt is on this frame. prompted: any prompt is on this frame.
        """
        values = torch.cat([values, shares[:, None].to(values)], dim=1) * present[:, None, None, None]
        self._entries.append(_Entry(index, key, values, present, first_prompted, prompted))
        self._drop(lambda entry: entry.prompted and not entry.anchors, self.config.prompted)
        self._drop(lambda entry: not entry.prompted, self.config.recent)
        self._stacked = None

    def _drop(self, eligible: Callable[[_Entry], bool], most: int) -> None:
        indices = [entry.index for entry in self._entries if eligible(entry)]
        surplus = set(indices[: max(0, len(indices) - most)])
        self._entries = [entry for entry in self._entries if entry.index not in surplus]

    def remember_prompts(self, index: int, tokens: PromptTokens, reference: Tensor) -> None:
        """Take the tokens of a frame as the memory prompts, and as the reference prompts of some objects.

        Args:
            index: frame number.
            tokens: of the objects in `object_ids`; an object without a mask has no valid ones and keeps its old ones.
            reference: (K,) bool, the objects that were prompted on this frame.
        """
        self._reference = _overwrite(self._reference, tokens, reference)
        seen = (tokens.valid & tokens.positive).any(1)
        self._recent = _overwrite(self._recent, tokens, seen)
        self._recent_at |= {self.object_ids[row]: index for row in seen.nonzero()[:, 0].tolist()}

    def tokens(self) -> PromptTokens:
        """Reference prompts followed by memory prompts of the objects in `object_ids`."""
        assert self._reference is not None
        assert self._recent is not None
        return PromptTokens.concatenate([self._reference, self._recent])

    def read(self, key: Tensor, windows: Sequence[Window] | None = None) -> Tensor:
        """Read-out (K, D, h, w) of the pixel memory for a frame's key (1, C, h, w); zeros outside of any windows."""
        keys, values, present = self._stack()
        owner = torch.zeros(len(self.object_ids), dtype=torch.long, device=key.device)
        if windows is None:
            return read_memory(key, keys, values[:, :-1], present, owner)
        whole = values.new_zeros(len(values), values.shape[1] - 1, *key.shape[-2:])
        for i, window in enumerate(windows):
            own = slice(i, i + 1)
            read = read_memory(window.cut(key, STRIDE), keys, values[own, :-1], present[own], owner[own])
            window.cut(whole[own], STRIDE)[:] = read
        return whole

    def find(self, key: Tensor, rows: Sequence[int]) -> Tensor:
        """How much of each cell of a frame, by its key (1, C, h, w), some of the objects seem to cover: (N, h, w)."""
        keys, values, present = self._stack()
        owner = torch.zeros(len(rows), dtype=torch.long, device=key.device)
        return read_memory(key, keys, values[rows, -1:], present[rows], owner)[:, 0]

    def _stack(self) -> tuple[Tensor, Tensor, Tensor]:
        """Keys (1, C, T, h, w), values (K, D + 1, T, h, w) and presence (K, T) of the T remembered frames."""
        if self._stacked is None:
            self._stacked = (
                torch.stack([entry.key for entry in self._entries], dim=2),
                torch.stack([entry.values for entry in self._entries], dim=2),
                torch.stack([entry.present for entry in self._entries], dim=1),
            )
        return self._stacked


def _grow(x: Tensor, count: int) -> Tensor:
    return torch.cat([x, x.new_zeros((count, *x.shape[1:]))])


def _overwrite(old: PromptTokens | None, new: PromptTokens, rows: Tensor) -> PromptTokens:
    if old is None:
        return new
    pick = rows[:, None]
    levels = [torch.where(pick[..., None], b, a) for a, b in zip(old.levels, new.levels, strict=True)]
    return PromptTokens(levels, torch.where(pick, new.valid, old.valid), torch.where(pick, new.positive, old.positive))
