"""SEEM for video: one encoder pass a frame, prompts and memories of all its objects in one decoder pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.backbone.efficientnet_lite import EfficientNetLite0
from seem_video.model.backbone.timm import TimmBackbone
from seem_video.model.config import ModelConfig
from seem_video.model.decoder import Decoded, Decoder
from seem_video.model.memory_encoder import KeyProjection, MemoryEncoder
from seem_video.model.object_pixels import ObjectPixels
from seem_video.model.pixel_decoder import PixelDecoder
from seem_video.model.visual_sampler import PromptTokens, VisualSampler
from seem_video.model.windows import ObjectMaps, Window

SIZE_MULTIPLE = 32
MASK_STRIDE = 4


@dataclass
class FrameFeatures:
    """What is computed once for B frames, however many objects are asked for.

    Attributes:
        levels: (B, dim, h, w) at strides 32, 16 and 8.
        mask_features: (B, mask_dim, h, w) at stride 4.
        key: (B, D, h, w) memory keys at stride 16.
    """

    levels: list[Tensor]
    mask_features: Tensor
    key: Tensor


@dataclass
class DensePrompt:
    """The prompts of N objects on one frame, as stride-4 maps.

    Attributes:
        positive, negative: (N, h, w) bool, cells that a positive or negative click, stroke or region touches.
        box: (N, h, w) bool, cells inside the box.
        previous: (N, h, w) float in 0..1, the mask of the round or frame before; zeros where there was none.
    """

    positive: Tensor
    negative: Tensor
    box: Tensor
    previous: Tensor

    @classmethod
    def only_previous(cls, previous: Tensor) -> DensePrompt:
        """No prompt on this frame, only the (N, h, w) mask probabilities of the frame before."""
        nothing = torch.zeros_like(previous, dtype=torch.bool)
        return cls(nothing, nothing, nothing, previous)

    def part(self, i: int, window: Window) -> DensePrompt:
        """Object i's alone, in a window."""
        maps = (self.positive, self.negative, self.box, self.previous)
        return DensePrompt(*(window.cut(each[i : i + 1], MASK_STRIDE) for each in maps))

    def maps(self) -> Tensor:
        """(N, 4, h, w) float channels for `ObjectPixels`; points are widened to 3 x 3 cells so that they survive."""
        points = torch.stack([self.positive, self.negative], dim=1).to(self.previous.dtype)
        widened = F.max_pool2d(points, 3, stride=1, padding=1)
        return torch.cat([widened, self.box[:, None].to(widened.dtype), self.previous[:, None]], dim=1)


class SEEM(nn.Module):
    """Segment Everything Everywhere All at Once (arXiv 2304.06718), with a space-time pixel memory for video.

    In every call, B frames carry N objects; `owner` (N,) names each object's frame, so that objects are a batch axis.

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
        dim, mask_dim = config.pixel_decoder.dim, config.pixel_decoder.mask_dim
        name = config.backbone.name
        self.backbone = EfficientNetLite0() if name == EfficientNetLite0.NAME else TimmBackbone(name)
        self.pixel_decoder = PixelDecoder(config.pixel_decoder, self.backbone.channels)
        self.sampler = VisualSampler(dim, levels=3, points=config.sampler.points)
        self.decoder = Decoder(config.decoder, dim, mask_dim, levels=3)
        self.key = KeyProjection(dim, self.backbone.channels[1], config.memory.key_dim)
        self.memory_encoder = MemoryEncoder(dim, config.memory.value_dim)
        self.object_pixels = ObjectPixels(dim, config.memory.value_dim, mask_dim)
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
        levels, mask_features = self.pixel_decoder(maps)
        return FrameFeatures(levels, mask_features, self.key(levels[1], maps[1]))

    def encode_prompts(self, features: FrameFeatures, owner: Tensor, prompt: DensePrompt) -> PromptTokens:
        """Visual prompts: tokens sampled where the prompts are."""
        return self.sampler(features.levels, owner, (prompt.positive, prompt.negative, prompt.box))

    def encode_reference(self, features: FrameFeatures, owner: Tensor, masks: Tensor) -> PromptTokens:
        """Reference and memory prompts: tokens sampled inside and outside (N, h, w) mask probabilities at stride 4."""
        inside = masks > 0.5
        return self.sampler(features.levels, owner, (inside, ~inside, torch.zeros_like(inside)))

    def encode_memory(self, features: FrameFeatures, owner: Tensor, masks: Tensor) -> Tensor:
        """Memory values (N, value_dim, h, w) of (N, h, w) mask probabilities at stride 4."""
        return self.memory_encoder(features.levels[1], owner, masks)

    def decode(
        self,
        features: FrameFeatures,
        owner: Tensor,
        prompt: DensePrompt,
        tokens: PromptTokens,
        *,
        readout: Tensor | None,
        previous: Tensor | None,
        windows: Sequence[Window] | None = None,
    ) -> Decoded:
        """Candidate masks of N objects.

        Args:
            features: of the B frames.
            owner: (N,) the frame of each object.
            prompt: dense prompts on these frames.
            tokens: visual, reference and memory prompts of the objects.
            readout: (N, value_dim, h, w) from `read_memory`, or None for objects without a past.
            previous: (N, h, w) mask logits that steer the memory rows, or None.
            windows: where each of the objects can be; None for anywhere.
        """
        pixels = self.object_maps(features, owner, prompt, readout, windows)
        return self.decoder(features.levels, owner, pixels, tokens, previous)

    def object_maps(
        self,
        features: FrameFeatures,
        owner: Tensor,
        prompt: DensePrompt,
        readout: Tensor | None,
        windows: Sequence[Window] | None,
    ) -> ObjectMaps:
        """What the masks of N objects are dotted from, of the whole frame or of each object's window.

        Args: as for `decode`.
        """
        _, level16, level8 = features.levels
        frame = (level16, level8, features.mask_features)
        if windows is None:
            parts = [self.object_pixels(*frame, owner, prompt.maps(), readout)]
        else:
            parts = [
                self.object_pixels(
                    *(window.cut(each, stride) for each, stride in zip(frame, (16, 8, MASK_STRIDE), strict=True)),
                    owner[i : i + 1],
                    prompt.part(i, window).maps(),
                    None if readout is None else window.cut(readout[i : i + 1], 16),
                )
                for i, window in enumerate(windows)
            ]
        return ObjectMaps(parts, windows, *features.mask_features.shape[-2:])


def select_mask(decoded: Decoded) -> tuple[Tensor, Tensor]:
    """The candidate whose mask embedding is most similar to the prompt's (SEEM, section 3.3); so it was trained.

    Returns:
        logits (N, h, w) at stride 4 and quality (N,), the predicted IoU in 0..1.
    """
    chosen = decoded.similarity.argmax(1)
    rows = torch.arange(len(chosen), device=chosen.device)
    return decoded.logits[rows, chosen], decoded.quality[rows, chosen].sigmoid()


def blend_masks(decoded: Decoded) -> tuple[Tensor, Tensor]:
    """The mean of the candidates, weighed by these similarities, and of their quality; shapes as of `select_mask`.

    Where several are as good, as on frames that a mask is carried to, their mean has fewer errors than each.
    """
    weight = decoded.similarity.softmax(1)
    logits = torch.einsum("nq,nqhw->nhw", weight, decoded.logits)
    return logits, (weight * decoded.quality.sigmoid()).sum(1)
