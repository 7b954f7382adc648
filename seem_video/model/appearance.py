"""What tells an object from its surroundings in this video: a linear classifier, fitted to the remembered masks.

Ridge regression of the mask on the frame's features, both sides of it weighing the same: the target model of FRTM
(Robinson et al., CVPR 2020) in closed form. What it needs of a frame are two sums, so that frames are added up, however
many there were; and as nothing of it is learned beforehand, no training video is known better than yours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.layers import of_each_object

RIDGE = 0.01
"""Weight of the squared classifier beside the mean squared error."""
LIMIT = 2.0
"""Scores are cut there; 1 and -1 are what the object and its surroundings are fitted to."""


@dataclass
class Evidence:
    """What frames say about how N objects look, summed over their cells.

    Attributes:
        gram: (N, D, D) weighted products of features. moment: (N, D) the same of features and the mask as -1 to 1.
    """

    gram: Tensor
    moment: Tensor

    def each(self, change: Callable[[Tensor], Tensor]) -> Evidence:
        """The same after a change of both sums along their axis of objects."""
        return Evidence(change(self.gram), change(self.moment))


class AppearanceFeatures(nn.Module):
    """The features that objects are told apart by, as rows of D numbers of like size, the last of them 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, level: Tensor, maps8: Tensor, maps16: Tensor) -> Tensor:
        """Pixel decoder's (B, C, h, w) at stride 16 and the backbone's maps at strides 8 and 16 to (B, h * w, D)."""
        with torch.autocast(level.device.type, enabled=False):
            finer = F.adaptive_avg_pool2d(maps8.float(), (level.shape[-2], level.shape[-1]))
            stacked = self.norm(torch.cat([level.float(), maps16.float(), finer], dim=1))
            rows = (stacked / stacked.shape[1] ** 0.5).flatten(2).transpose(1, 2)
            return F.pad(rows, (0, 1), value=1.0)


def gather_evidence(features: Tensor, owner: Tensor, shares: Tensor) -> Evidence:
    """What one frame says about its objects.

    Args:
        features: (B, S, D) of `AppearanceFeatures`.
        owner: (N,) the frame of each object.
        shares: (N, S) of each cell that the object covers; an object that is not there says nothing of use.
    """
    with torch.autocast(features.device.type, enabled=False):
        shares = shares.float()
        inside = shares.mean(1, keepdim=True).clamp(min=0.25 / shares.shape[1])
        outside = (1 - shares).mean(1, keepdim=True).clamp(min=0.25 / shares.shape[1])
        weight = (shares / inside + (1 - shares) / outside) / (2 * shares.shape[1])  # (N, S), sums to 1
        rows = of_each_object(features, owner)
        weighted = rows * weight[..., None]
        moment = torch.einsum("nsd,ns->nd", weighted, 2 * shares - 1)
        return Evidence(weighted.transpose(1, 2) @ rows, moment)


def fit(evidence: Evidence) -> Tensor:
    """The classifiers (N, D) that evidence, a mean over frames, asks for."""
    size = evidence.gram.shape[-1]
    ridge = torch.full((size,), RIDGE, device=evidence.gram.device)
    ridge[-1] = RIDGE / 1000  # the constant is hardly held back
    factor = torch.linalg.cholesky(evidence.gram + ridge.diag())
    return torch.cholesky_solve(evidence.moment[..., None], factor)[..., 0]


def classify(features: Tensor, owner: Tensor, classifiers: Tensor) -> Tensor:
    """Scores (N, S) of the cells (B, S, D) of the objects' frames."""
    with torch.autocast(features.device.type, enabled=False):
        scores = torch.einsum("nsd,nd->ns", of_each_object(features, owner), classifiers)
        return scores.clamp(-LIMIT, LIMIT)
