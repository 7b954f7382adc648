"""Propagation by the released models, zero-shot: masks of past frames become visual prompts of the next.

The masks of prompted frames stay as reference prompts; those of the newest frames with a confident mask join them, as
in DINOv (Li et al., 2023); the mask of the frame before steers SEEM's memory prompts. An object that is only described
is looked for by its words until it is found; from then on it is followed by its looks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seem_video.model.picture import Picture
from seem_video.model.point_sampler import PointTokens
from seem_video.model.released import ReleasedSEEM
from seem_video.model.search import Wanted, Words, find, read_prompts
from seem_video.model.windows import OUTSIDE
from seem_video.prompts import PromptMaps
from seem_video.tracking.reach import within_reach

REFERENCES = 4
"""Prompted frames kept an object; the first is never dropped."""
RECENT = 8
"""Frames without prompts kept an object; DINOv found eight best on DAVIS 2017."""
POINTS = 64
"""Points of a remembered mask."""
CONFIDENT = 0.75
"""Mean probability inside a mask from which it is remembered; chosen without released weights at hand."""
PRESENT = 0.6
"""Mean probability inside a mask below which the object is not there; as above. Nothing inside a mask is below 0.5."""


@dataclass
class _Past:
    """What is remembered of one object.

    Attributes:
        images: the user's reference images. references: prompted frames, the first of them for good.
        recent: the newest frames with a confident mask. recent_at: their numbers.
        found_at: number of the frame on which an object that was only named or shown was first found; None for others.
        words: what the user says of it.
        pointed_at: the user has drawn on it, so that its mask on a prompted frame needs no confidence.
    """

    images: tuple[PointTokens, ...] = ()
    references: list[PointTokens] = field(default_factory=list)
    recent: deque[PointTokens] = field(default_factory=lambda: deque(maxlen=RECENT))
    recent_at: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))
    found_at: int | None = None
    words: Words | None = None
    pointed_at: bool = True

    def wanted(self) -> Wanted:
        """What the next frame is searched for: the object's looks, or its words while nobody knows these."""
        shown = (*self.images, *self.references, *self.recent)
        return Wanted(shown=shown, words=None if shown else self.words)


class PromptMemoryPropagator:
    """A `Propagator` for `ReleasedSEEM`; each object is a sequence of its own."""

    def __init__(self, model: ReleasedSEEM, max_side: int | None) -> None:
        self.model = model
        self.max_side = max_side
        self._past: dict[int, _Past] = {}

    @property
    def object_ids(self) -> list[int]:
        return list(self._past)

    def add_objects(self, ids: list[int]) -> None:
        self._past |= {object_id: _Past() for object_id in ids}

    def remove_object(self, object_id: int) -> None:
        del self._past[object_id]

    def encode(self, image: npt.NDArray[np.uint8]) -> Picture:
        return Picture.encode(self.model, image, self.max_side)

    def propagate(self, picture: Picture, previous: Tensor | None) -> tuple[Tensor, Tensor]:
        if previous is None or not self._past:
            nothing = torch.zeros(0, picture.rows, picture.columns, device=self.model.device)
            return nothing, nothing.new_zeros(0)
        logits, quality = torch.full_like(previous, OUTSIDE), previous.new_zeros(len(previous))
        wanted = [past.wanted() for past in self._past.values()]
        known = [i for i, each in enumerate(wanted) if each]
        if known:
            searched = range(len(known))
            logits[known], quality[known] = self._find(picture, [wanted[i] for i in known], previous[known], searched)
        return logits.masked_fill(~within_reach(previous > 0), OUTSIDE), quality

    def segment(
        self, picture: Picture, ids: Sequence[int], rounds: Sequence[Sequence[PromptMaps]], start: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        maps = [each[-1] for each in rounds]
        wanted, searched = [], []
        for i, (object_id, given) in enumerate(zip(ids, read_prompts(picture, maps, self.max_side), strict=True)):
            past = self._past[object_id]
            past.images += given.shown
            past.words = given.words or past.words
            past.pointed_at = given.marks is not None
            known = past.wanted()
            wanted.append(replace(known, marks=given.marks, words=given.words or known.words))
            if given.marks is None:
                searched.append(i)
            elif not known.shown:
                past.references.append(given.marks)
        return self._find(picture, wanted, start, searched)

    def remember(
        self,
        index: int,
        picture: Picture,
        logits: Tensor,
        quality: Tensor,
        *,
        prompted: Sequence[int],
        new: Sequence[int],
    ) -> None:
        masks = logits > 0
        tokens = picture.points(masks, torch.zeros_like(masks), most=POINTS)
        seen = masks.flatten(1).any(1).tolist()
        for i, (object_id, past) in enumerate(self._past.items()):
            given = object_id in prompted
            if not seen[i] or (quality[i] < CONFIDENT and not (given and past.pointed_at)):
                continue
            if given or not past.references:
                past.found_at = past.found_at if given else index
                past.references.append(tokens.select([i]))
                del past.references[1 : 1 + len(past.references) - REFERENCES]
            else:
                past.recent.append(tokens.select([i]))
                past.recent_at.append(index)

    def held_frames(self) -> set[int]:
        held = {index for past in self._past.values() for index in past.recent_at}
        return held | {past.found_at for past in self._past.values() if past.found_at is not None}

    def _find(
        self, picture: Picture, wanted: Sequence[Wanted], previous: Tensor | None, searched: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Logits and confidence of N objects; of those `searched`, nothing is left where confidence is too small."""
        logits = find(picture, wanted, previous).logits
        confidence = _confidence(logits)
        absent = torch.zeros_like(confidence, dtype=torch.bool)
        absent[list(searched)] = confidence[list(searched)] < PRESENT
        logits[absent], confidence[absent] = OUTSIDE, 0.0
        return logits, confidence


def _confidence(logits: Tensor) -> Tensor:
    """(N,) mean probability inside each of the masks (N, h, w); 0 for an empty one."""
    inside = (logits > 0).to(logits.dtype)
    return (logits.sigmoid() * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)
