"""One image, encoded once, whose objects are segmented from clicks as often as asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from seem_video.prompts import Click, rasterise
from seem_video.tracking.propagation import VideoModel
from seem_video.tracking.tracker import make_propagator

_BATCH = 16
"""Objects decoded at once, so that memory does not grow with their number."""


class StillImage:
    """The features of an image, and masks decoded from them.

    An object's mask is the one that a session gives for the same clicks on its first frame. Nothing is remembered from
    one call to the next, and objects do not compete for pixels.
    """

    def __init__(self, model: VideoModel, image: npt.NDArray[np.uint8]) -> None:
        """Args: model; image: (H, W, 3) uint8 RGB."""
        self._model = model
        self._size = image.shape[:2]
        with torch.inference_mode():
            self._features = make_propagator(model, None).encode(image)

    @torch.inference_mode()
    def masks(self, clicks: Sequence[Sequence[Click]]) -> npt.NDArray[np.bool_]:
        """The masks (K, H, W) bool of K objects, each from all of its clicks.

        Raises:
            SeemVideoError: a click lies outside the image.
        """
        batches = [self._decode(clicks[i : i + _BATCH]) for i in range(0, len(clicks), _BATCH)]
        return np.concatenate([np.zeros((0, *self._size), bool), *batches])

    def _decode(self, clicks: Sequence[Sequence[Click]]) -> npt.NDArray[np.bool_]:
        drawn = [rasterise(given, *self._size) for given in clicks]
        ids = list(range(1, len(drawn) + 1))
        propagator = make_propagator(self._model, None)
        propagator.add_objects(ids)
        logits, _ = propagator.segment(self._features, ids, drawn, None)
        full = F.interpolate(logits[None], size=self._size, mode="bilinear", align_corners=False)[0]
        return (full > 0).cpu().numpy()
