"""EfficientNet-Lite0 (Liu, 2020; Tan and Le, 2019) with its batch norms folded away, layers named as in timm.

timm has it too, but importing timm takes longer than loading the model and everything else before the first frame.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

STEM = 32
"""Channels of the first convolution, at stride 2."""
STAGES = ((24, 2, 3, 2), (40, 2, 5, 2), (80, 3, 3, 2), (112, 3, 5, 1), (192, 4, 5, 2), (320, 1, 3, 1))
"""Of each stage after the first: channels, blocks, kernel, stride of its first block."""
FIRST = 16
"""Channels of the first stage, one block that does not widen."""
TAKEN = (1, 2, 4, 6)
"""The stages after which the maps at strides 4, 8, 16 and 32 are taken."""
EXPANSION = 6


class EfficientNetLite0(nn.Module):
    """(B, 3, H, W) normalised images to maps (B, `channels[i]`, H / s, W / s) at strides s of 4, 8, 16 and 32."""

    NAME = "efficientnet_lite0"

    def __init__(self) -> None:
        super().__init__()
        stages, before = [nn.Sequential(SeparableConv(STEM, FIRST))], FIRST
        for channels, blocks, kernel, stride in STAGES:
            first = InvertedResidual(before, channels, kernel, stride)
            others = [InvertedResidual(channels, channels, kernel, 1) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(first, *others))
            before = channels
        self.channels = [STAGES[stage - 1][0] for stage in TAKEN]
        stem = nn.Conv2d(3, STEM, 3, stride=2, padding=1)
        self.body = nn.ModuleDict({"conv_stem": stem, "blocks": nn.Sequential(*stages)})

    def forward(self, images: Tensor) -> list[Tensor]:
        x = F.relu6(self.body["conv_stem"](images), inplace=True)
        maps = []
        for stage in self.body["blocks"].children():
            x = stage(x)
            maps.append(x)
        return [maps[stage] for stage in TAKEN]


class SeparableConv(nn.Module):
    """A 3 x 3 convolution by channel, ReLU6, and a 1 x 1 convolution."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.conv_pw = nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_pw(F.relu6(self.conv_dw(x), inplace=True))


class InvertedResidual(nn.Module):
    """A convolution that widens, one by channel and one that narrows, ReLU6 between; added to its input where it fits.

    (B, C, h, w) becomes (B, out, h / stride, w / stride).
    """

    def __init__(self, channels: int, out: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        self.conv_pw = nn.Conv2d(channels, wide, 1)
        self.conv_dw = nn.Conv2d(wide, wide, kernel, stride=stride, padding=kernel // 2, groups=wide)
        self.conv_pwl = nn.Conv2d(wide, out, 1)
        self.is_added = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu6(self.conv_pw(x), inplace=True)
        narrowed = self.conv_pwl(F.relu6(self.conv_dw(wide), inplace=True))
        return narrowed + x if self.is_added else narrowed
