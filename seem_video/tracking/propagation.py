"""What the tracker asks of a model: encode a frame, segment what is prompted, carry on what is known, remember."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol, cast

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seem_video.model.released import ReleasedSEEM
from seem_video.model.seem import SEEM
from seem_video.prompts import PromptMaps

VideoModel = SEEM | ReleasedSEEM


class Propagator(Protocol):
    """Carries K objects through the frames of one video with one kind of model.

    Masks are logits (K, h, w) at a quarter of the size at which the model sees the frame; quality (K,) is in 0..1.
    """

    @property
    def object_ids(self) -> list[int]:
        """The objects, in the order of all masks."""

    def add_objects(self, ids: list[int]) -> None:
        """Make room for new objects."""

    def remove_object(self, object_id: int) -> None:
        """Forget an object."""

    def encode(self, image: npt.NDArray[np.uint8]) -> Any:
        """Features of a frame (H, W, 3) uint8 RGB, to be handed to the methods below."""

    def propagate(self, features: Any, previous: Tensor | None) -> tuple[Tensor, Tensor]:
        """Logits and quality of all objects, none farther than it can get from one frame to the next.

        `previous`: logits (K, h, w) of the frame before, None on the first.
        """

    def segment(
        self, features: Any, ids: Sequence[int], rounds: Sequence[Sequence[PromptMaps]], start: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Logits and quality of N prompted objects.

        Args:
            features: of the frame. ids: the objects.
            rounds: for each object what is marked after each of its prompts; the last has all of them.
            start: logits (N, h, w) that the objects begin from, or None for nothing.
        """

    def remember(
        self, index: int, features: Any, logits: Tensor, quality: Tensor, *, prompted: Sequence[int], new: Sequence[int]
    ) -> None:
        """Take a frame's masks (K, h, w) into the memory, with the ids prompted there and those that are new."""

    def held_frames(self) -> set[int]:
        """Numbers of the frames that the memory is made of.

        Taking these and all prompted frames in again, in order, makes it anew.
        """


def to_cells(region: npt.NDArray[np.bool_], like: Tensor) -> Tensor:
    """Share of each stride-4 cell of the encoded frame that an (H, W) region covers."""
    left, top, width, height = cv2.boundingRect(region.view(np.uint8))
    rows, columns = slice(top, top + height), slice(left, left + width)
    part = torch.from_numpy(region[rows, columns]).float()
    across, down = _means(region.shape[1], like.shape[-1]), _means(region.shape[0], like.shape[-2])
    return (down[:, rows] @ part @ across[:, columns].T).to(like)


@lru_cache(maxsize=8)
@torch.inference_mode(mode=False)
def _means(pixels: int, cells: int) -> Tensor:
    """(cells, pixels) weights of the mean of the pixels that each cell touches, along one axis."""
    weights = torch.zeros(cells, pixels)
    for i, row in enumerate(weights):
        touched = row[i * pixels // cells : -(-(i + 1) * pixels // cells)]
        touched[:] = 1 / len(touched)
    return weights


def to_frame(logits: Tensor, height: int, width: int) -> npt.NDArray[np.float32]:
    """Mask logits (h, w) at stride 4 as they are on the frame (height, width)."""
    return cast("npt.NDArray[np.float32]", cv2.resize(logits.cpu().numpy(), (width, height)))
