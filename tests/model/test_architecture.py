"""The released networks at their published sizes: where this fails, a real checkpoint is refused or read wrongly."""

import pytest
import torch

from seem_video.model.architecture import build
from seem_video.model.backbone.focal import FocalConfig, FocalNet
from seem_video.model.backbone.sam_vit import SamViT, SamViTConfig
from seem_video.model.deformable import DeformableConfig, DeformablePixelDecoder
from seem_video.model.fpn import PyramidConfig, TransformerPyramid
from seem_video.model.point_sampler import PointSampler
from seem_video.model.query_decoder import INTERFACES, QueryDecoder, QueryDecoderConfig
from seem_video.model.released import ReleasedSEEM
from seem_video.model.released_weights import RELEASED
from seem_video.model.text import TextConfig, TextEncoder

NECK = (128, 256, 512, 1024)


def _windows(depth: int, everywhere: set[int]) -> tuple[int, ...]:
    return tuple(0 if i in everywhere else 14 for i in range(depth))


BACKBONES = {
    "seem-focalt-v0": FocalConfig((96, 192, 384, 768), (2, 2, 6, 2), (3, 5, 7), depthwise=True),
    "seem-focall-v1": FocalConfig((192, 384, 768, 1536), (2, 2, 18, 2), (3, 5, 7, 9), depthwise=False),
    "seem-samvitb-v1": SamViTConfig(768, 12, 64, _windows(12, {2, 5, 8, 11}), NECK),
    "seem-samvitl-v1": SamViTConfig(1024, 16, 64, _windows(24, {5, 11, 17, 23}), NECK),
}


@pytest.mark.parametrize("name", BACKBONES)
def test_shapes_alone_tell_the_network(name: str) -> None:
    config = BACKBONES[name]
    with torch.device("meta"):
        if isinstance(config, FocalConfig):
            backbone: FocalNet | SamViT = FocalNet(config)
            pixels: torch.nn.Module = TransformerPyramid(PyramidConfig(512, 6, 8, 2048), backbone.channels)
        else:
            backbone = SamViT(config)
            pixels = DeformablePixelDecoder(DeformableConfig(512, 6, 8, 1024, points=4), backbone.channels)
        queries = QueryDecoderConfig(512, layers=9, heads=8, ffn_dim=2048, queries=101, memories=32)
        published = ReleasedSEEM(
            backbone,
            pixels,
            PointSampler(512, levels=3),
            QueryDecoder(queries, INTERFACES["v1"]),
            TextEncoder(TextConfig(512, heads=8, layers=12, context=77, vocabulary=49_408)),
        )
        shapes = {key: tuple(value.shape) for key, value in published.state_dict().items()}
        rebuilt = build(shapes, INTERFACES["v1"])
    assert {key: tuple(value.shape) for key, value in rebuilt.state_dict().items()} == shapes
    assert sum(parameter.numel() for parameter in rebuilt.parameters()) == RELEASED[name].parameters
    if isinstance(config, SamViTConfig):
        windows = [block.window_size for block in rebuilt.backbone.blocks]
        assert tuple(windows) == config.windows
