"""The tracker: one frame in, the masks of all objects out; it knows neither files nor the future."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seem_video.model.seem import SEEM
from seem_video.prompts import Prompt, PromptMaps, rasterise
from seem_video.tracking.pixel_memory import PixelMemoryPropagator
from seem_video.tracking.prompt_memory import PromptMemoryPropagator
from seem_video.tracking.propagation import Propagator, VideoModel, to_cells, to_frame
from seem_video.tracking.second_look import see_on_frame

CERTAIN = 12.0
"""Logit of a pixel that the user gave: sure, but finite."""
SURE = 1e-4
"""Probability that is left to the other side where a mask covers a cell wholly or not at all."""


class Tracker:
    """Tracks any number of objects through frames given one at a time."""

    def __init__(self, model: VideoModel, *, max_side: int | None = None) -> None:
        """Args: model; max_side: the longest side, in pixels, at which frames are encoded; None for the model's own."""
        self._model, self._max_side = model, max_side
        self._propagator = make_propagator(model, max_side)
        self._previous: Tensor | None = None  # (K, h, w) logits of the frame before

    @property
    def object_ids(self) -> list[int]:
        """The objects being tracked, in the order of `step`'s masks."""
        return self._propagator.object_ids

    def remove(self, object_id: int) -> None:
        """Stop tracking an object."""
        if self._previous is not None:
            self._previous = self._previous[[i for i, known in enumerate(self.object_ids) if known != object_id]]
        self._propagator.remove_object(object_id)

    @torch.inference_mode()
    def encode(self, image: npt.NDArray[np.uint8]) -> Any:
        """Features of a frame (H, W, 3) uint8 RGB for `step`; from any thread, as it asks nothing of other frames."""
        return self._propagator.encode(image)

    @torch.inference_mode()
    def step(
        self,
        index: int,
        image: npt.NDArray[np.uint8],
        prompts: Mapping[int, Sequence[Prompt]],
        features: Any = None,
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
        """Segment the next frame.

        Args:
            index: frame number, for the memory's records.
            image: (H, W, 3) uint8 RGB.
            prompts: object id to the prompts given on this frame; a new id starts a new object.
            features: what `encode` made of the image, if it was called before.

        Returns:
            masks (K, H, W) bool without overlap and scores (K,) in 0..1, in the order of `object_ids`.

        Raises:
            SeemVideoError: a prompt does not fit the frame.
        """
        height, width = image.shape[:2]
        drawn = {
            object_id: draw_rounds(given, height, width, known=object_id in self.object_ids)
            for object_id, given in prompts.items()
        }
        if not drawn and not self.object_ids:
            return np.zeros((0, height, width), bool), np.zeros(0, np.float32)
        if features is None:
            features = self._propagator.encode(image)
        logits, quality = self._propagator.propagate(features, self._previous)
        known = list(self.object_ids)
        new = [object_id for object_id in drawn if object_id not in known]
        if new:
            self._propagator.add_objects(new)
            logits = torch.cat([logits, logits.new_full((len(new), *logits.shape[1:]), -CERTAIN)])
            quality = torch.cat([quality, quality.new_zeros(len(new))])
        self._apply_prompts(features, drawn, known, logits, quality)
        seen = self._see_prompted(image, features, drawn, known, logits, quality)
        masks = self._full_size(logits, drawn, seen, height, width)
        quality = quality * torch.from_numpy(masks.any(axis=(1, 2))).to(quality)
        self._take_in(index, features, masks, logits, quality, prompted=list(drawn), new=new)
        return masks, quality.cpu().numpy().astype(np.float32)

    @property
    def held_frames(self) -> set[int]:
        """Numbers of frames: these, the prompted ones and the last one, restored in order, make this tracker anew."""
        return self._propagator.held_frames()

    @torch.inference_mode()
    def restore(
        self,
        index: int,
        image: npt.NDArray[np.uint8],
        prompts: Mapping[int, Sequence[Prompt]],
        object_ids: Sequence[int],
        masks: npt.NDArray[np.bool_],
        scores: npt.NDArray[np.float32],
    ) -> None:
        """Remember a frame that was tracked before, as `step` did then.

        Args:
            index, image, prompts: as given to `step`.
            object_ids: as they were after it. masks, scores: what it returned.
        """
        if not object_ids:
            return
        height, width = image.shape[:2]
        drawn = {
            object_id: draw_rounds(given, height, width, known=object_id in self.object_ids)
            for object_id, given in prompts.items()
        }
        features = self._propagator.encode(image)
        known = list(self.object_ids)
        new = [object_id for object_id in object_ids if object_id not in known]
        self._propagator.add_objects(new)
        like, _ = self._propagator.propagate(features, None)
        logits = like.new_zeros(len(masks), *like.shape[1:])
        quality = torch.from_numpy(scores).to(logits)
        self._apply_prompts(features, drawn, known, logits, quality.clone())
        self._take_in(index, features, masks, logits, quality, prompted=list(drawn), new=new)

    def _take_in(
        self,
        index: int,
        features: Any,
        masks: npt.NDArray[np.bool_],
        like: Tensor,
        quality: Tensor,
        *,
        prompted: Sequence[int],
        new: Sequence[int],
    ) -> None:
        """Remember the masks (K, H, W) that were handed out, no more: so they are enough to go on from there later."""
        shares = torch.stack([to_cells(mask, cells) for mask, cells in zip(masks, like, strict=True)])
        self._previous = torch.logit(shares, eps=SURE)
        self._propagator.remember(index, features, self._previous, quality, prompted=prompted, new=new)

    def _apply_prompts(
        self,
        features: Any,
        drawn: Mapping[int, Sequence[PromptMaps]],
        known: Sequence[int],
        logits: Tensor,
        quality: Tensor,
    ) -> None:
        """Decode the prompted objects, in place: with a mask to start from and without, each in one batch."""
        with_mask: list[int] = []
        without: list[int] = []
        for object_id, rounds in drawn.items():
            row, maps = self.object_ids.index(object_id), rounds[-1]
            if maps.mask is not None:
                logits[row] = to_cells(maps.mask, logits[row]).mul(2 * CERTAIN).sub(CERTAIN)
                quality[row] = 1.0
                if maps.only_mask:
                    continue
            (with_mask if maps.mask is not None or object_id in known else without).append(object_id)
        for group, previous in ((with_mask, True), (without, False)):
            if group:
                rows = [self.object_ids.index(object_id) for object_id in group]
                given = [drawn[object_id] for object_id in group]
                start = logits[rows] if previous else None
                logits[rows], quality[rows] = self._propagator.segment(features, group, given, start)

    def _see_prompted(
        self,
        image: npt.NDArray[np.uint8],
        features: Any,
        drawn: Mapping[int, Sequence[PromptMaps]],
        known: Sequence[int],
        logits: Tensor,
        quality: Tensor,
    ) -> dict[int, npt.NDArray[np.float32]]:
        """Logits (H, W) of what is prompted, after a second look; their quality changes in place."""
        seen: dict[int, npt.NDArray[np.float32]] = {}
        for object_id, rounds in drawn.items():
            if not rounds[-1].only_mask:
                row = self.object_ids.index(object_id)
                seen[object_id], quality[row] = see_on_frame(
                    self._propagator, image, features, rounds[-1], logits[row], quality[row], known=object_id in known
                )
        return seen

    def _full_size(
        self,
        logits: Tensor,
        drawn: Mapping[int, Sequence[PromptMaps]],
        seen: Mapping[int, npt.NDArray[np.float32]],
        height: int,
        width: int,
    ) -> npt.NDArray[np.bool_]:
        """(K, H, W) bool: each pixel to the object with the largest positive logit; a given mask is taken as it is."""
        best, owner = np.zeros((height, width), np.float32), np.zeros((height, width), np.uint16)
        places = []
        for i, (object_id, each) in enumerate(zip(self.object_ids, logits, strict=True), start=1):
            whole = seen[object_id] if object_id in seen else to_frame(each, height, width)
            place = ... if object_id in seen else _where_positive(each, height, width)
            is_best = whole[place] > best[place]  # where two are equal, the first one has it
            np.copyto(best[place], whole[place], where=is_best)
            np.copyto(owner[place], i, where=is_best)
            places.append(place)
        masks = np.zeros((len(places), height, width), bool)
        for i, (mask, place) in enumerate(zip(masks, places, strict=True), start=1):
            np.equal(owner[place], i, out=mask[place])
        for object_id, rounds in drawn.items():
            given = rounds[-1].mask
            if given is not None and rounds[-1].only_mask:
                masks &= ~given
                masks[self.object_ids.index(object_id)] = given
        return masks


def _where_positive(logits: Tensor, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of the frame (height, width) outside which mask logits (h, w), resized to it, are negative."""
    left, top, columns, rows = cv2.boundingRect((logits > 0).cpu().numpy().view(np.uint8))
    if not rows:
        return slice(0), slice(0)
    down, across = height / logits.shape[0], width / logits.shape[1]
    return (
        slice(max(0, floor((top - 1) * down)), ceil((top + rows + 1) * down)),
        slice(max(0, floor((left - 1) * across)), ceil((left + columns + 1) * across)),
    )


def draw_rounds(given: Sequence[Prompt], height: int, width: int, *, known: bool) -> list[PromptMaps]:
    """What an object's prompts mark after each of them, from the first on that can be decoded.

    Args:
        given: prompts on a frame of (height, width) pixels. known: the object has a mask already.
    """
    rounds = [rasterise(given[: i + 1], height, width) for i in range(len(given))]
    return [maps for maps in rounds if not maps.only_mask and (known or maps.names_object)] or rounds[-1:]


def make_propagator(model: VideoModel, max_side: int | None) -> Propagator:
    """The propagator for a kind of model; max_side: the longest side at which frames are encoded, None for its own."""
    if isinstance(model, SEEM):
        return PixelMemoryPropagator(model, max_side)
    return PromptMemoryPropagator(model, max_side)
