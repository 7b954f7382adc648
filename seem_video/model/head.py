"""A head: from what the backbone sees, prompts and memory to the masks of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.config import ModelConfig
from seem_video.model.decoder import Decoded, Decoder
from seem_video.model.layers import of_each_object
from seem_video.model.object_pixels import ObjectPixels
from seem_video.model.pixel_decoder import PixelDecoder
from seem_video.model.visual_sampler import PromptTokens, VisualSampler
from seem_video.model.windows import ObjectMaps, Window, batches

MASK_STRIDE = 4


@dataclass
class HeadFeatures:
    """What a head makes of B frames, however many objects are asked for.

    Attributes:
        levels: (B, dim, h, w) at strides 32, 16 and 8.
        mask_features: (B, mask_dim, h, w) at stride 4.
    """

    levels: list[Tensor]
    mask_features: Tensor


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

    def maps(self) -> Tensor:
        """(N, 4, h, w) float channels for `ObjectPixels`; points are widened to 3 x 3 cells so that they survive."""
        points = torch.stack([self.positive, self.negative], dim=1).to(self.previous.dtype)
        widened = F.max_pool2d(points, 3, stride=1, padding=1)
        return torch.cat([widened, self.box[:, None].to(widened.dtype), self.previous[:, None]], dim=1)


class Head(nn.Module):
    """SEEM without its backbone: pixel decoder, visual sampler and decoder.

    In every call, B frames carry N objects; `owner` (N,) names each object's frame, so that objects are a batch axis.
    """

    def __init__(self, config: ModelConfig, channels: Sequence[int]) -> None:
        """Args: channels: of the backbone's maps at strides 4, 8, 16 and 32."""
        super().__init__()
        dim, mask_dim = config.pixel_decoder.dim, config.pixel_decoder.mask_dim
        self.pixel_decoder = PixelDecoder(config.pixel_decoder, channels)
        self.sampler = VisualSampler(dim, levels=3, points=config.sampler.points)
        self.decoder = Decoder(config.decoder, dim, mask_dim, levels=3)
        self.object_pixels = ObjectPixels(dim, config.memory.value_dim, mask_dim)

    def see(self, maps: Sequence[Tensor]) -> HeadFeatures:
        """Features of B frames from the backbone's maps of them."""
        return HeadFeatures(*self.pixel_decoder(maps))

    def encode_prompts(self, features: HeadFeatures, owner: Tensor, prompt: DensePrompt) -> PromptTokens:
        """Visual prompts: tokens sampled where the prompts are."""
        return self.sampler(features.levels, owner, (prompt.positive, prompt.negative, prompt.box))

    def encode_reference(self, features: HeadFeatures, owner: Tensor, masks: Tensor) -> PromptTokens:
        """Reference and memory prompts: tokens sampled inside and outside (N, h, w) mask probabilities at stride 4."""
        inside = masks > 0.5
        return self.sampler(features.levels, owner, (inside, ~inside, torch.zeros_like(inside)))

    def decode(
        self,
        features: HeadFeatures,
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
        features: HeadFeatures,
        owner: Tensor,
        prompt: DensePrompt,
        readout: Tensor | None,
        windows: Sequence[Window] | None,
    ) -> ObjectMaps:
        """What the masks of N objects are dotted from, of the whole frame or of each object's window.

        Args: as for `decode`.
        """
        _, level16, level8 = features.levels
        frame, maps = (level16, level8, features.mask_features), prompt.maps()
        if windows is None:
            parts = [self.object_pixels(*frame, owner, maps, readout)]
        else:
            seen, parts = [of_each_object(each, owner) for each in frame], [maps] * len(windows)
            for numbers, cut in batches(windows):
                pixels = self.object_pixels(
                    *(cut(each, stride) for each, stride in zip(seen, (16, 8, MASK_STRIDE), strict=True)),
                    torch.arange(len(numbers)),
                    cut(maps, MASK_STRIDE),
                    None if readout is None else cut(readout, 16),
                )
                for i, part in zip(numbers, pixels.split(1), strict=True):
                    parts[i] = part
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
