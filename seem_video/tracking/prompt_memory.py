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
import torch.nn.functional as F
from torch import Tensor

from seem_video.model.point_sampler import MAX_POINTS, PointTokens
from seem_video.model.query_decoder import Prompts
from seem_video.model.released import ReleasedFeatures, ReleasedSEEM, concatenate, pick, stack, visual_similarity
from seem_video.prompts import PromptMaps
from seem_video.tracking.propagation import as_input

REFERENCES = 4
"""Prompted frames kept an object; the first is never dropped."""
RECENT = 8
"""Frames without prompts kept an object; DINOv found eight best on DAVIS 2017."""
POINTS = 64
"""Points of a remembered mask."""
CONFIDENT = 0.75
"""Mean probability inside a mask from which it is remembered; chosen without released weights at hand."""
OUTSIDE = -12.0


@dataclass
class _Past:
    """What is remembered of one object: tokens of one sequence each."""

    references: list[PointTokens] = field(default_factory=list)
    recent: deque[PointTokens] = field(default_factory=lambda: deque(maxlen=RECENT))

    def tokens(self) -> PointTokens:
        frames = [*self.references, *self.recent]
        mean = torch.stack([frame.positive_mean for frame in frames]).mean(0)
        return replace(concatenate(frames), positive_mean=mean)


@dataclass
class _Frame:
    """Features of a padded frame, and how many of their stride-4 rows and columns show the picture."""

    features: ReleasedFeatures
    rows: int
    columns: int


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

    def encode(self, image: npt.NDArray[np.uint8]) -> _Frame:
        picture = as_input(self.model, image, self.max_side)
        rows, columns = (side // 4 for side in picture.shape[-2:])
        return _Frame(self.model.encode_image(self.model.pad(picture)), rows, columns)

    def propagate(self, features: _Frame, previous: Tensor | None) -> tuple[Tensor, Tensor]:
        if previous is None or not self._past:
            like = features.features.mask_features
            return like.new_zeros((0, features.rows, features.columns)), like.new_zeros(0)
        return self._decode(features, [past.tokens() for past in self._past.values()], previous)

    def segment(
        self, features: _Frame, ids: Sequence[int], maps: Sequence[PromptMaps], start: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        positive = np.stack([_union(m.positive, m.box, m.mask) for m in maps])
        negative = np.stack([m.negative for m in maps])
        given = self._points(
            features, *(torch.from_numpy(region).to(self.model.device) for region in (positive, negative))
        )
        tokens = []
        for i, object_id in enumerate(ids):
            past, now = self._past[object_id], given.select([i])
            if past.references:
                known = past.tokens()
                mean = now.positive_mean if now.positive.any() else known.positive_mean
                now = replace(concatenate([now, known]), positive_mean=mean)
            tokens.append(now)
        return self._decode(features, tokens, start)

    def remember(
        self,
        index: int,
        features: _Frame,
        logits: Tensor,
        quality: Tensor,
        *,
        prompted: Sequence[int],
        new: Sequence[int],
    ) -> None:
        masks = logits > 0
        tokens = self._points(features, masks, torch.zeros_like(masks), most=POINTS)
        seen = masks.flatten(1).any(1).tolist()
        for i, (object_id, past) in enumerate(self._past.items()):
            if object_id in prompted and seen[i]:
                past.references.append(tokens.select([i]))
                del past.references[1 : 1 + len(past.references) - REFERENCES]
            elif seen[i] and quality[i] >= CONFIDENT:
                past.recent.append(tokens.select([i]))

    def _decode(self, frame: _Frame, tokens: Sequence[PointTokens], previous: Tensor | None) -> tuple[Tensor, Tensor]:
        owner = torch.zeros(len(tokens), dtype=torch.long, device=self.model.device)
        kind = self.model.interface.reference
        prompts = Prompts(tokens={kind: stack(tokens)})
        if previous is not None:
            beyond = frame.features.mask_features.shape
            right, below = beyond[-1] - frame.columns, beyond[-2] - frame.rows
            prompts.previous = F.pad(previous, (0, right, 0, below), value=OUTSIDE)[:, None]
        answering = self.model.interface.answers[kind]
        others = frozenset({"object", "grounding"}) - {answering}
        answer = self.model.decode(frame.features, owner, prompts, without=others)[answering]
        embeddings = pick(answer.embeddings, visual_similarity(answer, prompts.tokens[kind]))
        logits = self.model.masks(frame.features, owner, embeddings)[:, 0, : frame.rows, : frame.columns]
        return logits, _confidence(logits)

    def _points(self, frame: _Frame, positive: Tensor, negative: Tensor, *, most: int = MAX_POINTS) -> PointTokens:
        """Tokens of (N, H, W) bool regions of the picture, at any resolution."""
        full = frame.features.mask_features.shape
        height, width = positive.shape[-2:]
        right = round(width * full[-1] / frame.columns) - width
        below = round(height * full[-2] / frame.rows) - height
        owner = torch.zeros(len(positive), dtype=torch.long, device=self.model.device)
        regions = [F.pad(region, (0, right, 0, below))[:, None] for region in (positive, negative)]
        return self.model.encode_points(frame.features, owner, *regions, most=most)


def _confidence(logits: Tensor) -> Tensor:
    """(N,) mean probability inside each of the masks (N, h, w); 0 for an empty one."""
    inside = (logits > 0).to(logits.dtype)
    return (logits.sigmoid() * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)


def _union(*regions: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.bool_]:
    return np.logical_or.reduce([region for region in regions if region is not None])
