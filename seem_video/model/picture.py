"""An image as a model sees it: resized, normalised, padded and encoded."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import torch
import torch.nn.functional as F
from torch import Tensor

from seem_video.model.head import MASK_STRIDE
from seem_video.model.point_sampler import MAX_POINTS, PointTokens
from seem_video.model.released import ReleasedFeatures, ReleasedSEEM
from seem_video.model.seem import SEEM
from seem_video.model.windows import OUTSIDE


def to_input(model: SEEM | ReleasedSEEM, image: npt.NDArray[np.uint8], max_side: int | None) -> Tensor:
    """An image (H, W, 3) uint8 RGB as the model's normalised input (1, 3, h, w); `max_side` caps its long side.

    Released models see images resized as those of the published demo: bicubically, over as many pixels as are merged.
    """
    height, width = model.input_size(*image.shape[:2], max_side=max_side)
    if isinstance(model, ReleasedSEEM):
        resized = np.array(PIL.Image.fromarray(image).resize((width, height), PIL.Image.Resampling.BICUBIC))
    else:
        shrinks = height * width < image.shape[0] * image.shape[1]
        resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return model.normalise(torch.from_numpy(resized).to(model.device).permute(2, 0, 1)[None].float())


@dataclass
class Picture:
    """An image encoded by a released model.

    Attributes:
        features: of the padded image.
        rows, columns: how many of the stride-4 rows and columns show the image.
    """

    model: ReleasedSEEM
    features: ReleasedFeatures
    rows: int
    columns: int

    @classmethod
    def encode(cls, model: ReleasedSEEM, image: npt.NDArray[np.uint8], max_side: int | None = None) -> Picture:
        """Encode an image (H, W, 3) uint8 RGB."""
        shown = to_input(model, image, max_side)
        rows, columns = (side // MASK_STRIDE for side in shown.shape[-2:])
        return cls(model, model.encode_image(model.pad(shown)), rows, columns)

    def owner(self, count: int) -> Tensor:
        """(N,) zeros: all sequences are about this picture."""
        return torch.zeros(count, dtype=torch.long, device=self.model.device)

    def points(self, positive: Tensor, negative: Tensor, *, most: int = MAX_POINTS) -> PointTokens:
        """Tokens of N sequences from (N, H, W) bool regions of the picture at any resolution."""
        height, width = positive.shape[-2:]
        full_rows, full_columns = self.features.mask_features.shape[-2:]
        right = round(width * full_columns / self.columns) - width
        below = round(height * full_rows / self.rows) - height
        regions = [F.pad(region, (0, right, 0, below))[:, None] for region in (positive, negative)]
        return self.model.encode_points(self.features, self.owner(len(positive)), *regions, most=most)

    def masks(self, embeddings: Tensor) -> Tensor:
        """Logits (N, Q, rows, columns) of mask embeddings (N, Q, C), without the padding."""
        logits = self.model.masks(self.features, self.owner(len(embeddings)), embeddings)
        return logits[..., : self.rows, : self.columns]

    def padded(self, logits: Tensor) -> Tensor:
        """Mask logits (N, rows, columns) as they are on the padded picture: (N, 1, h, w)."""
        height, width = self.features.mask_features.shape[-2:]
        return F.pad(logits, (0, width - self.columns, 0, height - self.rows), value=OUTSIDE)[:, None]
