"""One image, encoded once, whose objects are prompted until their masks are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seem_video.prompts import Prompt, rasterise
from seem_video.tracking.propagation import VideoModel
from seem_video.tracking.second_look import see_on_frame
from seem_video.tracking.tracker import make_propagator

_BATCH = 16
"""Objects decoded at once, so that memory does not grow with their number."""


class StillImage:
    """The features of an image, and of each object its prompts so far and the mask they led to.

    The first prompt gives the mask that a session gives; each further one is decoded with all prompts of the object and
    its mask before, which is how models learn to correct. Objects do not compete for pixels.
    """

    def __init__(self, model: VideoModel, image: npt.NDArray[np.uint8]) -> None:
        """Args: model; image: (H, W, 3) uint8 RGB."""
        self._model = model
        self._image = image
        self._prompts: dict[int, list[Prompt]] = {}
        self._logits: dict[int, Tensor] = {}
        with torch.inference_mode():
            self._features = make_propagator(model, None).encode(image)

    @torch.inference_mode()
    def prompt(self, prompts: Mapping[int, Prompt]) -> dict[int, npt.NDArray[np.bool_]]:
        """The masks (H, W) bool of some objects, by id, after one more prompt of each.

        Raises:
            SeemVideoError: a prompt does not fit the image.
        """
        for object_id, prompt in prompts.items():
            self._prompts.setdefault(object_id, []).append(prompt)
        known = [object_id for object_id in prompts if object_id in self._logits]
        new = [object_id for object_id in prompts if object_id not in self._logits]
        masks: dict[int, npt.NDArray[np.bool_]] = {}
        for group in (new, known):
            for i in range(0, len(group), _BATCH):
                masks |= self._decode(group[i : i + _BATCH])
        return masks

    def _decode(self, ids: Sequence[int]) -> dict[int, npt.NDArray[np.bool_]]:
        height, width = self._image.shape[:2]
        drawn = [rasterise(self._prompts[object_id], height, width) for object_id in ids]
        before = [self._logits[object_id] for object_id in ids if object_id in self._logits]
        propagator = make_propagator(self._model, None)
        propagator.add_objects(list(ids))
        start = torch.stack(before) if before else None
        logits, quality = propagator.segment(self._features, ids, [[maps] for maps in drawn], start)
        self._logits |= dict(zip(ids, logits, strict=True))
        masks: dict[int, npt.NDArray[np.bool_]] = {}
        for object_id, maps, own, own_quality in zip(ids, drawn, logits, quality, strict=True):
            on_frame, _ = see_on_frame(propagator, self._image, self._features, maps, own, own_quality, known=False)
            masks[object_id] = on_frame > 0
        return masks
