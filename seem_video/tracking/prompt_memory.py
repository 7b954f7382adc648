"""Propagation by the released models, zero-shot: masks of past frames become visual prompts of the next.

The masks of prompted frames stay as reference prompts; those of the newest frames with a confident mask join them, as
in DINOv (Li et al., 2023); the mask of the frame before steers SEEM's memory prompts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seem_video.model.picture import OUTSIDE, Picture
from seem_video.model.point_sampler import PointTokens
from seem_video.model.query_decoder import Prompts
from seem_video.model.released import ReleasedSEEM, concatenate, pick, stack, visual_similarity
from seem_video.prompts import PromptMaps

REFERENCES = 4
"""Prompted frames kept an object; the first is never dropped."""
RECENT = 8
"""Frames without prompts kept an object; DINOv found eight best on DAVIS 2017."""
POINTS = 64
"""Points of a remembered mask."""
CONFIDENT = 0.75
"""Mean probability inside a mask from which it is remembered; chosen without released weights at hand."""


@dataclass
class _Past:
    """What is remembered of one object: tokens of one sequence each; the first reference is what the user marked."""

    references: list[PointTokens] = field(default_factory=list)
    recent: deque[PointTokens] = field(default_factory=lambda: deque(maxlen=RECENT))

    def __bool__(self) -> bool:
        return bool(self.references or self.recent)

    def tokens(self) -> PointTokens:
        frames = [*self.references, *self.recent]
        mean = torch.stack([frame.positive_mean for frame in frames]).mean(0)
        return replace(concatenate(frames), positive_mean=mean)


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
        known = [i for i, past in enumerate(self._past.values()) if past]
        if known:
            tokens = [past.tokens() for past in self._past.values() if past]
            logits[known], quality[known] = self._decode(picture, tokens, previous[known])
        return logits, quality

    def segment(
        self, picture: Picture, ids: Sequence[int], maps: Sequence[PromptMaps], start: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        positive = np.stack([m.on_object() for m in maps])
        negative = np.stack([m.negative for m in maps])
        regions = (torch.from_numpy(region).to(self.model.device) for region in (positive, negative))
        given = picture.points(*regions)
        tokens = []
        for i, object_id in enumerate(ids):
            past, now = self._past[object_id], given.select([i])
            if past:
                known = past.tokens()
                mean = now.positive_mean if now.positive.any() else known.positive_mean
                tokens.append(replace(concatenate([now, known]), positive_mean=mean))
            else:
                tokens.append(now)
                past.references.append(now)
        return self._decode(picture, tokens, start)

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
            if object_id in prompted and seen[i]:
                past.references.append(tokens.select([i]))
                del past.references[1 : 1 + len(past.references) - REFERENCES]
            elif seen[i] and quality[i] >= CONFIDENT:
                past.recent.append(tokens.select([i]))

    def _decode(self, picture: Picture, tokens: Sequence[PointTokens], start: Tensor | None) -> tuple[Tensor, Tensor]:
        kind = self.model.interface.reference
        prompts = Prompts(tokens={kind: stack(tokens)}, previous=None if start is None else picture.padded(start))
        answering = self.model.interface.answers[kind]
        others = frozenset({"object", "grounding"}) - {answering}
        answers = self.model.decode(picture.features, picture.owner(len(tokens)), prompts, without=others)
        similarity = visual_similarity(answers[answering], prompts.tokens[kind])
        logits = picture.masks(pick(answers[answering].embeddings, similarity))[:, 0]
        return logits, _confidence(logits)


def _confidence(logits: Tensor) -> Tensor:
    """(N,) mean probability inside each of the masks (N, h, w); 0 for an empty one."""
    inside = (logits > 0).to(logits.dtype)
    return (logits.sigmoid() * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)
