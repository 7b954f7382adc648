"""The published SEEM: a frame encoded once, prompts of any kind, candidates with masks and captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.backbone.sam_vit import PATCH, SamViT
from seem_video.model.layers import resize_to
from seem_video.model.point_sampler import MAX_POINTS, PointSampler, PointTokens
from seem_video.model.precision import in_precision
from seem_video.model.query_decoder import Answer, Interface, Prompts, QueryDecoder
from seem_video.model.text import TextEncoder, unit

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
SHORT_SIDE = 512
SIZE_MULTIPLE = 32
MOST_SCALE = 100.0
"""Bound on the temperature by which text is compared with captions, as in CLIP."""


@dataclass
class ReleasedFeatures:
    """What is computed once for B frames.

    Attributes:
        levels: (B, C, h, w) at strides 32, 16, 8, with their level embedding.
        mask_features: (B, C, h, w) at stride 4. mask_levels: the same at the levels' sizes, float32.
        seen: what each layer of the decoder sees of the levels; filled by the first decoding, for those that follow.
    """

    levels: list[Tensor]
    mask_features: Tensor
    mask_levels: list[Tensor]
    seen: list[tuple[Tensor, Tensor]] = field(default_factory=list)


class ReleasedSEEM(nn.Module):
    """Segment Everything Everywhere All at Once (arXiv 2304.06718) as released, under one of its three interfaces.

    Attributes:
        precision: float32; bfloat16 or float16 for autocast of all that is done with images.
    """

    precision = torch.float32

    def __init__(
        self,
        backbone: nn.Module,
        pixel_decoder: nn.Module,
        sampler: PointSampler,
        decoder: QueryDecoder,
        text: TextEncoder,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pixel_decoder = pixel_decoder
        self.level_embed = nn.Parameter(torch.randn(3, decoder.query_feat.shape[1]))
        self.sampler = sampler
        self.decoder = decoder
        self.text = text

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.level_embed.device

    @property
    def interface(self) -> Interface:
        """How prompts and queries meet."""
        return self.decoder.interface

    def input_size(self, height: int, width: int, *, max_side: int | None = None) -> tuple[int, int]:
        """Height and width at which a frame of this size is encoded; `max_side` caps the long side, in pixels.

        The short side becomes 512 and both are multiples of 32; a SAM ViT takes a long side of 1024 instead.
        """
        if isinstance(self.backbone, SamViT):
            scale, multiple = self.backbone.side / max(height, width), PATCH
        else:
            scale, multiple = SHORT_SIDE / min(height, width), SIZE_MULTIPLE
            if max_side is not None:
                scale = min(scale, max_side / max(height, width))
        rows, columns = (max(round(side * scale / multiple), 1) * multiple for side in (height, width))
        return rows, columns

    def pad(self, images: Tensor) -> Tensor:
        """Zeros at the right and below normalised images (B, 3, H, W), up to what the backbone takes."""
        sides = [-(-side // SIZE_MULTIPLE) * SIZE_MULTIPLE for side in images.shape[-2:]]
        if isinstance(self.backbone, SamViT):
            sides = [self.backbone.side] * 2
        return F.pad(images, (0, sides[1] - images.shape[-1], 0, sides[0] - images.shape[-2]))

    def normalise(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) RGB in 0..255 to the backbone's input; pad it with zeros afterwards."""
        mean, std = (images.new_tensor(values).view(3, 1, 1) for values in (MEAN, STD))
        return (images - mean) / std

    @in_precision
    def encode_image(self, images: Tensor) -> ReleasedFeatures:
        """Encode (B, 3, H, W) normalised, padded images; H and W are multiples of 32."""
        return self.features(*self.pixel_decoder(self.backbone(images)))

    def features(self, maps: Sequence[Tensor], mask_features: Tensor) -> ReleasedFeatures:
        """What the pixel decoder returned, made ready for the decoder and the sampler.

        The resize of mask features is the same as that of all the masks that they are dotted to, and is done once.
        """
        levels = [x + embed[:, None, None] for x, embed in zip(maps, self.level_embed, strict=True)]
        return ReleasedFeatures(levels, mask_features, [resize_to(mask_features, level).float() for level in levels])

    @in_precision
    def encode_points(
        self,
        features: ReleasedFeatures,
        owner: Tensor,
        positive: Tensor,
        negative: Tensor,
        *,
        most: int = MAX_POINTS,
    ) -> PointTokens:
        """Visual prompts of N sequences: (N, O, H, W) bool masks that span the padded frame; `most` points a sign."""
        empty = self.interface.empty_mean
        tokens = self.sampler(
            features.levels, features.mask_features, owner, positive, negative, empty_mean=empty, most=most
        )
        means = (tokens.positive_mean.float(), tokens.negative_mean.float())
        return replace(tokens, positive_mean=means[0], negative_mean=means[1])

    def decode(
        self, features: ReleasedFeatures, owner: Tensor, prompts: Prompts, *, without: frozenset[str] = frozenset()
    ) -> dict[str, Answer]:
        """The candidates of each group of queries for N sequences on the frames `owner` (N,), float32.

        In half precision only what they see of the frames is in it. Where rows may look next depends on the sign of
        their mask, so what is rounded in them moves some masks by far.
        """
        features.seen = features.seen or self._project(features.levels)
        return self.decoder(features.seen, features.mask_levels, owner, prompts, without=without)

    @in_precision
    def _project(self, levels: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        return self.decoder.project(levels)

    @in_precision
    def masks(self, features: ReleasedFeatures, owner: Tensor, embeddings: Tensor) -> Tensor:
        """Mask logits (N, Q, h, w), float32, at stride 4 of mask embeddings (N, Q, C)."""
        return self.decoder.masks(embeddings, features.mask_features, owner).float()


def visual_similarity(answer: Answer, tokens: PointTokens) -> Tensor:
    """(N, Q, O) dot product of mask embeddings and each item's mean mask feature; -inf for queries of another item."""
    similarity = answer.embeddings @ tokens.positive_mean.transpose(1, 2)
    items = torch.arange(similarity.shape[-1], device=similarity.device)
    return similarity.masked_fill(answer.item[..., None] != items, -torch.inf)


def text_similarity(answer: Answer, sentences: Tensor, logit_scale: Tensor) -> Tensor:
    """(N, Q, S) cosine of captions with sentence embeddings (S, C), times the learned temperature."""
    scale = logit_scale.exp().clamp(max=MOST_SCALE)
    return scale * unit(answer.captions) @ unit(sentences).T


def pick(values: Tensor, similarity: Tensor) -> Tensor:
    """Of (N, Q, ...) values those of the most similar query for each of O prompts: (N, O, ...)."""
    best = similarity.argmax(1)
    return values[torch.arange(len(values), device=values.device)[:, None], best]


def concatenate(parts: Sequence[PointTokens]) -> PointTokens:
    """Join the tokens of the same items from several frames; the mean features stay those of the first."""
    first = parts[0]
    levels = [torch.cat(level, dim=1) for level in zip(*(p.levels for p in parts), strict=True)]
    valid, positive, item = (torch.cat([getattr(p, k) for p in parts], 1) for k in ("valid", "positive", "item"))
    return PointTokens(levels, valid, positive, item, first.positive_mean, first.negative_mean)


def stack(parts: Sequence[PointTokens]) -> PointTokens:
    """One batch of the tokens of several sequences, padded to the longest."""

    def padded(tensors: Sequence[Tensor]) -> Tensor:
        return torch.nn.utils.rnn.pad_sequence([tensor[0] for tensor in tensors], batch_first=True)

    levels = [padded(level) for level in zip(*(p.levels for p in parts), strict=True)]
    valid, positive, item = (padded([getattr(p, k) for p in parts]) for k in ("valid", "positive", "item"))
    means = (torch.cat([getattr(p, k) for p in parts]) for k in ("positive_mean", "negative_mean"))
    return PointTokens(levels, valid, positive, item, *means)
