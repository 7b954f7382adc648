"""One frame, encoded once, whose objects are decoded anew whenever their prompts change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seem_video.model.seem import SEEM
from seem_video.prompts import Prompt, rasterise
from seem_video.tracking.propagation import VideoModel, to_cells, to_frame
from seem_video.tracking.second_look import see_on_frame
from seem_video.tracking.tracker import CERTAIN, SURE, draw_rounds, make_propagator

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Found:
    """An object: logits (h, w) at stride 4, which corrections begin from, those on the frame (H, W), and quality."""

    logits: Tensor
    on_frame: npt.NDArray[np.float32]
    quality: float


class FramePreview:
    """The masks that a session's tracker gives its prompted objects on one frame, without encoding the frame again.

    Objects that begin on the frame get the very masks of the tracker. Those that are corrected there start from the
    mask that was tracked before, where the tracker has its finer logits.
    """

    def __init__(self, model: VideoModel, image: npt.NDArray[np.uint8]) -> None:
        """Args: model; image: (H, W, 3) uint8 RGB."""
        self._model = model
        self._image = image
        self._size = image.shape[:2]
        self._tracked: Mapping[int, Mask] = {}
        self._decoded: dict[int, dict[tuple[Prompt, ...], _Found]] = {}
        with torch.inference_mode():
            self._features = make_propagator(model, None).encode(image)

    @torch.inference_mode()
    def decode(
        self, prompts: Mapping[int, Sequence[Prompt]], tracked: Mapping[int, Mask]
    ) -> tuple[dict[int, Mask], dict[int, np.float32]]:
        """Masks (H, W) and scores in 0..1 by object id; a pixel belongs to at most one object.

        Args:
            prompts: of each object on this frame, in pixels. An object that is not tracked and whose prompts say only
                what it is not has no mask yet.
            tracked: object id to its mask (H, W) before these prompts.
        """
        if tracked is not self._tracked:
            self._tracked, self._decoded = tracked, {}
        prompts = {i: given for i, given in prompts.items() if i in tracked or self._names_object(given)}
        masks = {object_id: mask for object_id, mask in tracked.items() if object_id not in prompts}
        if not prompts:
            return masks, dict.fromkeys(masks, np.float32(0))
        found = [self._object(object_id, tuple(given)) for object_id, given in prompts.items()]
        full = np.stack([each.on_frame for each in found])
        best, winner = full.max(0), full.argmax(0)
        own = [(winner == i) & (best > 0) for i in range(len(full))]
        masks = {object_id: mask & ~np.logical_or.reduce(own) for object_id, mask in masks.items()}
        masks |= dict(zip(prompts, own, strict=True))
        scores = {object_id: each.quality for object_id, each in zip(prompts, found, strict=True)}
        return masks, {i: np.float32(scores.get(i, 0.0) if mask.any() else 0.0) for i, mask in masks.items()}

    def _names_object(self, given: Sequence[Prompt]) -> bool:
        return rasterise(given, *self._size).names_object

    def _object(self, object_id: int, given: tuple[Prompt, ...]) -> _Found:
        """An object after its prompts; what its first ones alone led to is kept, to be corrected or undone."""
        kept = self._decoded.setdefault(object_id, {})
        if given not in kept:
            for other in [each for each in kept if given[: len(each)] != each]:
                del kept[other]
            kept[given] = self._decode(object_id, given)
        return kept[given]

    def _decode(self, object_id: int, given: tuple[Prompt, ...]) -> _Found:
        known = self._tracked.get(object_id)
        rounds = draw_rounds(given, *self._size, known=known is not None)
        propagator = make_propagator(self._model, None)
        like, _ = propagator.propagate(self._features, None)
        propagator.add_objects([object_id])
        start = None if known is None else torch.logit(to_cells(known, like), eps=SURE)[None]
        given_mask = rounds[-1].mask
        if given_mask is not None:
            start = to_cells(given_mask, like).mul(2 * CERTAIN).sub(CERTAIN)[None]
            if rounds[-1].only_mask:
                return _Found(start[0], to_frame(start[0], *self._size), 1.0)
        if len(rounds) > 1 and isinstance(self._model, SEEM):  # it corrects the mask that all prompts but the last gave
            start, rounds = self._object(object_id, given[:-1]).logits[None], rounds[-1:]
        logits, quality = propagator.segment(self._features, [object_id], [rounds], start)
        on_frame, seen = see_on_frame(
            propagator, self._image, self._features, rounds[-1], logits[0], quality[0], known=known is not None
        )
        return _Found(logits[0], on_frame, float(seen))
