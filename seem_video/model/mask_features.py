"""What masks are dotted with: a convolution of the finest level that is never made as a whole.

Convolution, resizing, sampling and the dot product with a mask embedding are all linear, so they may change places: at
the coarser levels only the resized result is made, at prompt points only those points, and of the final masks only the
chosen ones, each by a convolution of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.point_sampler import sample


@dataclass
class MaskFeatures:
    """Mask features of B frames at stride 4.

    Attributes:
        finest: (B, C, h, w) the pixel decoder's finest level. convolution: what makes mask features of it.
    """

    finest: Tensor
    convolution: nn.Conv2d

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.finest.shape[-2], self.finest.shape[-1]

    def whole(self) -> Tensor:
        """(B, C, h, w) the mask features themselves."""
        return self.convolution(self.finest)

    def shrunk(self, ratio: int) -> Tensor:
        """(B, C, h / ratio, w / ratio), as their bilinear resize by 2, 4 or 8 has them: means of 2 x 2 pixels."""
        weight = self.convolution.weight
        mean = torch.stack([F.pad(weight, (x, 1 - x, y, 1 - y)) for x in (0, 1) for y in (0, 1)]).mean(0)
        first = ratio // 2 - 1 - weight.shape[-1] // 2  # row of the finest level where the kernel begins
        start = max(first, 0)
        seen = self.finest[..., start:, start:]
        return F.conv2d(seen, mean, self.convolution.bias, stride=ratio, padding=max(-first, 0))

    def sample(self, owner: Tensor, place: Tensor) -> Tensor:
        """(N, T, C) mask features at places (N, T, 2), as `point_sampler.sample` takes them."""
        weight, bias = self.convolution.weight, self.convolution.bias
        reach = range(-(weight.shape[-1] // 2), weight.shape[-1] // 2 + 1)
        patch = [sample(self.finest, owner, place, shift=(y, x)) for y in reach for x in reach]
        return F.linear(torch.cat(patch, dim=-1), weight.permute(0, 2, 3, 1).flatten(1), bias)

    def masks(self, embeddings: Tensor, owner: Tensor) -> Tensor:
        """Mask logits (N, Q, h, w) of mask embeddings (N, Q, C) on the frames `owner` (N,)."""
        count, queries = embeddings.shape[:2]
        weight, bias = self.convolution.weight, self.convolution.bias
        kernels = torch.einsum("nqc,cikl->nqikl", embeddings, weight).flatten(0, 1)
        constants = None if bias is None else (embeddings @ bias).flatten()
        one_frame = len(self.finest) == 1
        seen = self.finest if one_frame else self.finest[owner].flatten(0, 1)[None]
        logits = F.conv2d(seen, kernels, constants, padding=weight.shape[-1] // 2, groups=1 if one_frame else count)
        return logits.unflatten(1, (count, queries))[0]
