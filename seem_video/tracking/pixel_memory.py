"""Propagation by the compact model: past pixels are read by affinity, prompts and masks by tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from seem_video.model.head import MASK_STRIDE, DensePrompt, HeadFeatures, blend_masks
from seem_video.model.picture import to_input
from seem_video.model.precision import in_precision
from seem_video.model.seem import SEEM, FrameFeatures
from seem_video.model.windows import OUTSIDE, STRIDE, Window
from seem_video.prompts import PromptMaps
from seem_video.tracking.memory import MemoryBank
from seem_video.tracking.propagation import to_cells
from seem_video.tracking.reach import windows_of, within_reach

TRUSTED_QUALITY = 0.4
"""A mask predicted to be worse than this does not enter the memory."""
FOUND = 0.1
"""Share of a cell that the memory has to see of an object out of sight, for it to be looked for there."""


class PixelMemoryPropagator:
    """A `Propagator` for `SEEM`."""

    def __init__(self, model: SEEM, max_side: int | None) -> None:
        self.model = model
        self.max_side = max_side
        self.memory = MemoryBank(model.config.memory)

    @property
    def device(self) -> torch.device:
        """The model's."""
        return self.model.device

    @property
    def precision(self) -> torch.dtype:
        """The model's."""
        return self.model.precision

    @property
    def object_ids(self) -> list[int]:
        return self.memory.object_ids

    def add_objects(self, ids: list[int]) -> None:
        self.memory.add_objects(ids)

    def remove_object(self, object_id: int) -> None:
        self.memory.remove_object(object_id)

    @in_precision
    def encode(self, image: npt.NDArray[np.uint8]) -> FrameFeatures:
        return self.model.encode_image(to_input(self.model, image, self.max_side))

    @in_precision
    def propagate(self, features: FrameFeatures, previous: Tensor | None) -> tuple[Tensor, Tensor]:
        if previous is None or not self.object_ids:
            cells = features.tracking.mask_features
            return _full(cells.new_zeros((0, *cells.shape[-2:])), cells.new_zeros(0))
        near = self._near(features.key, previous > 0)
        windows = self._windows(near)
        decoded = self.model.tracking.decode(
            features.tracking,
            self._owner(len(previous)),
            DensePrompt.only_previous(previous.sigmoid()),
            self.memory.tokens(),
            readout=self.memory.read(features.key, windows),
            previous=previous,
            windows=windows,
        )
        logits, quality = _full(*blend_masks(decoded))
        return logits.masked_fill(~within_reach(near), OUTSIDE), quality

    def _near(self, key: Tensor, masks: Tensor) -> Tensor:
        """The masks (K, h, w) of the frame before; of objects out of sight, the cells that the memory takes for them.

        Where it takes none, that is the cell that is most like the object.
        """
        lost = (~masks.flatten(1).any(1)).nonzero()[:, 0].tolist()
        if not lost:
            return masks
        shares, k = self.memory.find(key, lost), STRIDE // MASK_STRIDE
        found = shares >= shares.amax((1, 2), keepdim=True).clamp(max=FOUND)
        masks = masks.clone()
        masks[lost] = found.repeat_interleave(k, dim=1).repeat_interleave(k, dim=2)
        return masks

    @in_precision
    def segment(
        self, features: FrameFeatures, ids: Sequence[int], rounds: Sequence[Sequence[PromptMaps]], start: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """As the model was trained: the first prompt is decoded by itself, each further one corrects the mask."""
        seen = self.model.see_prompted(features)
        logits, quality = self._decode(seen, [maps[0] for maps in rounds], start)
        for i in range(1, max(map(len, rounds))):
            rows = [row for row, maps in enumerate(rounds) if i < len(maps)]
            again = [rounds[row][i] for row in rows]
            logits[rows], quality[rows] = self._decode(seen, again, logits[rows])
        return logits, quality

    def _decode(
        self, features: HeadFeatures, maps: Sequence[PromptMaps], start: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        like = features.mask_features[0, 0]
        nothing = torch.zeros_like(like)
        prompt = DensePrompt(
            positive=torch.stack([to_cells(m.positive, like) for m in maps]) > 0,
            negative=torch.stack([to_cells(m.negative, like) for m in maps]) > 0,
            box=torch.stack([nothing if m.box is None else to_cells(m.box, like) for m in maps]) > 0.5,
            previous=torch.stack([nothing] * len(maps)) if start is None else start.sigmoid(),
        )
        owner = self._owner(len(maps))
        head = self.model.prompting
        tokens = head.encode_prompts(features, owner, prompt)
        return _full(*blend_masks(head.decode(features, owner, prompt, tokens, readout=None, previous=start)))

    @in_precision
    def remember(
        self,
        index: int,
        features: FrameFeatures,
        logits: Tensor,
        quality: Tensor,
        *,
        prompted: Sequence[int],
        new: Sequence[int],
    ) -> None:
        owner, probability = self._owner(len(logits)), logits.sigmoid()
        given = torch.tensor([object_id in prompted for object_id in self.object_ids], device=owner.device)
        reference = self.model.tracking.encode_reference(features.tracking, owner, probability)
        self.memory.remember_prompts(index, reference, given)
        if prompted or self.memory.is_due(index):
            trusted = given | (quality > TRUSTED_QUALITY)
            if trusted.any():
                windows = self._windows(_with_values(logits > 0, trusted)) if len(logits) > 1 else None
                values = self.model.encode_memory(features, owner, probability, windows)
                shares = F.avg_pool2d(probability[:, None], STRIDE // MASK_STRIDE)[:, 0]
                self.memory.remember_pixels(
                    index, features.key, values, shares, trusted, first_prompted=frozenset(new), prompted=bool(prompted)
                )

    def held_frames(self) -> set[int]:
        return {*self.memory.frames(), *self.memory.prompt_frames()}

    def _windows(self, masks: Tensor) -> list[Window] | None:
        """Windows of masks (K, h, w); a GPU is as fast without."""
        return windows_of(masks) if self.device.type == "cpu" else None

    def _owner(self, count: int) -> Tensor:
        return torch.zeros(count, dtype=torch.long, device=self.device)


def _with_values(masks: Tensor, trusted: Tensor) -> Tensor:
    """The masks (K, h, w) of those that are trusted; of the others, of which nothing is kept, a corner."""
    masks = masks & trusted[:, None, None]
    masks[~trusted, 0, 0] = True
    return masks


def _full(logits: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
    """The same in float32, which is what trackers reckon in."""
    return logits.float(), quality.float()
