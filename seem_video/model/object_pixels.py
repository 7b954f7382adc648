"""The pixel features of each object: the frame's own, changed by what its prompts and its memory say."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.layers import ResidualBlock, of_each_object, resize_to

PROMPT_MAPS = ("positive", "negative", "box", "previous")
"""Channels of the dense prompt: positive and negative strokes, filled box, probability of the previous mask."""


class ObjectPixels(nn.Module):
    """Fuses memory read-out and dense prompts at stride 16, then climbs to stride 4 with the frame's features."""

    def __init__(self, dim: int, value_dim: int, mask_dim: int) -> None:
        super().__init__()
        half = dim // 2
        self.prompt4 = nn.Conv2d(len(PROMPT_MAPS), mask_dim, 3, padding=1)
        self.prompt8 = nn.Conv2d(mask_dim, mask_dim, 3, stride=2, padding=1)
        self.prompt16 = nn.Conv2d(mask_dim, dim, 3, stride=2, padding=1)
        self.frame16 = nn.Conv2d(dim, dim, 1)
        self.readout = nn.Conv2d(value_dim, dim, 1)
        self.refine16 = ResidualBlock(dim)
        self.up8 = nn.Conv2d(dim, half, 1)
        self.frame8 = nn.Conv2d(dim, half, 1)
        self.mix8 = nn.Conv2d(mask_dim, half, 1)
        self.refine8 = ResidualBlock(half)
        self.up4 = nn.Conv2d(half, mask_dim, 1)
        self.refine4 = ResidualBlock(mask_dim)

    def forward(
        self,
        level16: Tensor,
        level8: Tensor,
        mask_features: Tensor,
        owner: Tensor,
        maps: Tensor,
        readout: Tensor | None,
    ) -> Tensor:
        """Build the stride-4 features that the objects' masks are dotted from.

        Args:
            level16, level8: (B, dim, h, w) levels of the frames; mask_features: (B, mask_dim, h, w) at stride 4.
            owner: (N,) the frame of each object.
            maps: (N, 4, h, w) dense prompts at stride 4, channels as in `PROMPT_MAPS`.
            readout: (N, value_dim, h, w) at stride 16, or None for objects without a past.

        Returns:
            (N, mask_dim, h, w) at stride 4
        """
        p4 = F.relu(self.prompt4(maps))
        p8 = F.relu(self.prompt8(p4))
        x = of_each_object(self.frame16(level16), owner) + self.prompt16(p8)
        if readout is not None:
            x = x + self.readout(readout)
        x = self.refine16(x)
        x = resize_to(self.up8(F.relu(x)), p8) + of_each_object(self.frame8(level8), owner) + self.mix8(p8)
        x = self.refine8(x)
        x = resize_to(self.up4(F.relu(x)), p4) + of_each_object(mask_features, owner) + p4
        return F.relu(self.refine4(x))
