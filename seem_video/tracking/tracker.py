"""The tracker: one frame in, the masks of all objects out; it knows neither files nor the future."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from seem_video.model.memory_encoder import soft_aggregate
from seem_video.model.seem import SEEM, DensePrompt, FrameFeatures, select_mask
from seem_video.prompts import Prompt, PromptMaps, rasterise
from seem_video.tracking.memory import MemoryBank

CERTAIN = 12.0
"""Logit of a pixel that the user gave: sure, but finite."""
TRUSTED_QUALITY = 0.4
"""A mask predicted to be worse than this does not enter the memory."""


class Tracker:
    """Tracks any number of objects through frames given one at a time."""

    def __init__(self, model: SEEM, *, max_side: int | None = None) -> None:
        """Args: model; max_side: the longest side, in pixels, at which frames are encoded; None for the model's own."""
        self.model = model
        self.max_side = max_side
        self.memory = MemoryBank(model.config.memory)
        self._previous: Tensor | None = None  # (K, h, w) logits of the frame before

    @property
    def object_ids(self) -> list[int]:
        """The objects being tracked, in the order of `step`'s masks."""
        return self.memory.object_ids

    def remove(self, object_id: int) -> None:
        """Stop tracking an object."""
        if self._previous is not None:
            self._previous = self._previous[[i for i, known in enumerate(self.object_ids) if known != object_id]]
        self.memory.remove_object(object_id)

    @torch.inference_mode()
    def step(
        self, index: int, image: npt.NDArray[np.uint8], prompts: Mapping[int, Sequence[Prompt]]
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
        """Segment the next frame.

        Args:
            index: frame number, for the memory's records.
            image: (H, W, 3) uint8 RGB.
            prompts: object id to the prompts given on this frame; a new id starts a new object.

        Returns:
            masks (K, H, W) bool without overlap and scores (K,) in 0..1, in the order of `object_ids`.

        Raises:
            SeemVideoError: a prompt does not fit the frame.
        """
        height, width = image.shape[:2]
        drawn = {object_id: rasterise(given, height, width) for object_id, given in prompts.items()}
        if not drawn and not self.object_ids:
            return np.zeros((0, height, width), bool), np.zeros(0, np.float32)
        features = self._encode(image)
        logits, quality = self._track(features)
        known = list(self.object_ids)
        new = [object_id for object_id in drawn if object_id not in known]
        if new:
            self.memory.add_objects(new)
            logits = torch.cat([logits, logits.new_full((len(new), *logits.shape[1:]), -CERTAIN)])
            quality = torch.cat([quality, quality.new_zeros(len(new))])
        self._apply_prompts(features, drawn, known, logits, quality)
        competing = soft_aggregate(logits, self._owner(len(logits)))
        masks = self._full_size(logits, drawn, height, width)
        quality = quality * torch.from_numpy(masks.any(axis=(1, 2))).to(quality)
        self._remember(index, features, competing, quality, prompted=list(drawn), new=new)
        self._previous = competing
        return masks, quality.cpu().numpy().astype(np.float32)

    def _encode(self, image: npt.NDArray[np.uint8]) -> FrameFeatures:
        height, width = self.model.input_size(*image.shape[:2], max_side=self.max_side)
        shrinks = height * width < image.shape[0] * image.shape[1]
        resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        tensor = torch.from_numpy(resized).to(self.model.device).permute(2, 0, 1)[None].float()
        return self.model.encode_image(self.model.normalise(tensor))

    def _owner(self, count: int) -> Tensor:
        return torch.zeros(count, dtype=torch.long, device=self.model.device)

    def _track(self, features: FrameFeatures) -> tuple[Tensor, Tensor]:
        """Logits (K, h, w) and quality (K,) of the objects known so far."""
        if self._previous is None or not self.object_ids:
            cells = features.mask_features
            return cells.new_zeros((0, *cells.shape[-2:])), cells.new_zeros(0)
        decoded = self.model.decode(
            features,
            self._owner(len(self.object_ids)),
            DensePrompt.only_previous(self._previous.sigmoid()),
            self.memory.tokens(),
            readout=self.memory.read(features.key),
            previous=self._previous,
        )
        return select_mask(decoded)

    def _apply_prompts(
        self,
        features: FrameFeatures,
        drawn: Mapping[int, PromptMaps],
        known: Sequence[int],
        logits: Tensor,
        quality: Tensor,
    ) -> None:
        """Decode the prompted objects, in place: with a mask to start from and without, each in one batch."""
        with_mask: list[tuple[int, PromptMaps]] = []
        without: list[tuple[int, PromptMaps]] = []
        for object_id, maps in drawn.items():
            row = self.object_ids.index(object_id)
            if maps.mask is not None:
                logits[row] = _to_cells(maps.mask, logits[row]).mul(2 * CERTAIN).sub(CERTAIN)
                quality[row] = 1.0
                if not (maps.positive.any() or maps.negative.any() or maps.box is not None):
                    continue
            (with_mask if maps.mask is not None or object_id in known else without).append((row, maps))
        for group, previous in ((with_mask, True), (without, False)):
            if group:
                rows = [row for row, _ in group]
                start = logits[rows] if previous else None
                logits[rows], quality[rows] = self._decode_prompts(features, [maps for _, maps in group], start)

    def _decode_prompts(
        self, features: FrameFeatures, maps: Sequence[PromptMaps], start: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        like = features.mask_features[0, 0]
        nothing = torch.zeros_like(like)
        prompt = DensePrompt(
            positive=torch.stack([_to_cells(m.positive, like) for m in maps]) > 0,
            negative=torch.stack([_to_cells(m.negative, like) for m in maps]) > 0,
            box=torch.stack([nothing if m.box is None else _to_cells(m.box, like) for m in maps]) > 0.5,
            previous=torch.stack([nothing] * len(maps)) if start is None else start.sigmoid(),
        )
        owner = self._owner(len(maps))
        tokens = self.model.encode_prompts(features, owner, prompt)
        return select_mask(self.model.decode(features, owner, prompt, tokens, readout=None, previous=start))

    def _full_size(
        self, logits: Tensor, drawn: Mapping[int, PromptMaps], height: int, width: int
    ) -> npt.NDArray[np.bool_]:
        """(K, H, W) bool: each pixel to the object with the largest positive logit; a given mask is taken as it is."""
        full = F.interpolate(logits[None], size=(height, width), mode="bilinear", align_corners=False)[0]
        if len(full) == 1:
            masks = (full > 0).cpu().numpy()
        else:
            best, winner = full.max(0)
            masks = ((winner == torch.arange(len(full), device=full.device)[:, None, None]) & (best > 0)).cpu().numpy()
        for object_id, maps in drawn.items():
            if maps.mask is not None and not (maps.positive.any() or maps.negative.any() or maps.box is not None):
                masks &= ~maps.mask
                masks[self.object_ids.index(object_id)] = maps.mask
        return masks

    def _remember(
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
        self.memory.remember_prompts(self.model.encode_reference(features, owner, probability), given)
        if prompted or index % self.model.config.memory.every == 0:
            values = self.model.encode_memory(features, owner, probability)
            trusted = given | (quality > TRUSTED_QUALITY)
            if trusted.any():
                self.memory.remember_pixels(
                    index, features.key, values, trusted, first_prompted=frozenset(new), prompted=bool(prompted)
                )


def _to_cells(region: npt.NDArray[np.bool_], like: Tensor) -> Tensor:
    """Share of each stride-4 cell of the encoded frame that an (H, W) region covers."""
    source = torch.from_numpy(region).to(like.device, torch.float32)[None, None]
    return F.adaptive_avg_pool2d(source, (like.shape[-2], like.shape[-1]))[0, 0].to(like.dtype)
