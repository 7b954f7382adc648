"""SEEM for video: each frame is encoded once, for all objects and for both heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seem_video.model.backbone.efficientnet_lite import EfficientNetLite0
from seem_video.model.backbone.timm import TimmBackbone
from seem_video.model.config import ModelConfig
from seem_video.model.head import Head, HeadFeatures
from seem_video.model.memory_encoder import KeyProjection, MemoryEncoder
from seem_video.model.windows import Window

SIZE_MULTIPLE = 32


@dataclass
class FrameFeatures:
    """What is computed once for B frames, however many objects are asked for.

    Attributes:
        maps: (B, C, h, w) of the backbone at strides 4, 8, 16 and 32.
        tracking: what the tracking head makes of them.
        key: (B, D, h, w) memory keys at stride 16.
        prompting: what the prompting head makes of the maps, once `SEEM.see_prompted` was asked for it.
    """

    maps: Sequence[Tensor]
    tracking: HeadFeatures
    key: Tensor
    prompting: HeadFeatures | None = None


class SEEM(nn.Module):
    """Segment Everything Everywhere All at Once (arXiv 2304.06718), with a space-time pixel memory for video.

    Two heads stand on one backbone: the prompting head segments what a user marks on a frame, and the tracking head
    carries that mask to other frames. So each learns its own work, and nothing but the mask goes from one to the other.

    Attributes:
        precision: float32; bfloat16 or float16 where trackers are to compute in half the bits; int8 where the backbone
            computes in 8.
    """

    precision = torch.float32
    mean: Tensor
    std: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        name, dim = config.backbone.name, config.pixel_decoder.dim
        self.backbone = EfficientNetLite0() if name == EfficientNetLite0.NAME else TimmBackbone(name)
        self.prompting = Head(config, self.backbone.channels)
        self.tracking = Head(config, self.backbone.channels)
        self.key = KeyProjection(dim, self.backbone.channels[1], config.memory.key_dim)
        self.memory_encoder = MemoryEncoder(dim, config.memory.value_dim)
        self.register_buffer("mean", torch.tensor(config.image.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.image.std).view(3, 1, 1), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.mean.device

    def input_size(self, height: int, width: int, *, max_side: int | None = None) -> tuple[int, int]:
        """Height and width, multiples of 32, at which a frame of this size is encoded.

        The short side becomes the configuration's; `max_side` caps the long side, in pixels.
        """
        scale = self.config.image.short_side / min(height, width)
        if max_side is not None:
            scale = min(scale, max_side / max(height, width))
        rows, columns = (max(round(side * scale / SIZE_MULTIPLE), 1) * SIZE_MULTIPLE for side in (height, width))
        return rows, columns

    def normalise(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) RGB in 0..255 to the backbone's input."""
        return (images - self.mean) / self.std

    def encode_image(self, images: Tensor) -> FrameFeatures:
        """Encode (B, 3, H, W) normalised images; H and W are multiples of 32."""
        maps = self.backbone(images.contiguous(memory_format=torch.channels_last))
        tracking = self.tracking.see(maps)
        return FrameFeatures(maps, tracking, self.key(tracking.levels[1], maps[1]))

    def see_prompted(self, features: FrameFeatures) -> HeadFeatures:
        """Features of the B frames for the prompting head, which only frames with prompts need."""
        if self.prompting is self.tracking:
            return features.tracking
        if features.prompting is None:
            features.prompting = self.prompting.see(features.maps)
        return features.prompting

    def encode_memory(
        self, features: FrameFeatures, owner: Tensor, masks: Tensor, windows: Sequence[Window] | None = None
    ) -> Tensor:
        """Memory values (N, value_dim, h, w) of (N, h, w) mask probabilities at stride 4.

        Args: owner: (N,) the frame, of the B, of each of N objects. windows: where each is; None for anywhere.
        """
        return self.memory_encoder(features.tracking.levels[1], owner, masks, windows)

    def share_head(self) -> None:
        """Let the tracking head do the prompting one's work as well, as one module: so they can be trained as one."""
        self.prompting = self.tracking
