"""What network a released checkpoint holds, read from the shapes of its tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from seem_video.model.backbone.davit import DaViT, DaViTConfig
from seem_video.model.backbone.focal import FocalConfig, FocalNet
from seem_video.model.backbone.sam_vit import SamViT, SamViTConfig
from seem_video.model.deformable import DeformableConfig, DeformablePixelDecoder
from seem_video.model.fpn import PyramidConfig, TransformerPyramid
from seem_video.model.point_sampler import PointSampler
from seem_video.model.query_decoder import Interface, QueryDecoder, QueryDecoderConfig
from seem_video.model.released import ReleasedSEEM
from seem_video.model.released_keys import UNUSED, our_name, published_name
from seem_video.model.text import TextConfig, TextEncoder

HEADS = 8
LEVELS = 3
STAGES = 4
TEXT_HEAD_DIM = 64

Shapes = Mapping[str, tuple[int, ...]]


def build(shapes: Shapes, interface: Interface) -> ReleasedSEEM:
    """The network, without its weights, whose tensors have these shapes under our names.

    Raises:
        KeyError: a tensor that tells part of the shape is not there, so this is no SEEM.
    """
    backbone = _backbone(shapes)
    dim = shapes["level_embed"][1]
    return ReleasedSEEM(
        backbone,
        _pixel_decoder(shapes, backbone.channels),
        PointSampler(dim, LEVELS),
        QueryDecoder(
            QueryDecoderConfig(
                dim,
                layers=_count(shapes, r"decoder\.layers\.(\d+)\."),
                heads=HEADS,
                ffn_dim=shapes["decoder.layers.0.ffn.linear1.weight"][0],
                queries=shapes["decoder.query_feat"][0],
                memories=shapes["decoder.memory_feat"][0],
            ),
            interface,
        ),
        TextEncoder(_text(shapes)),
    )


def build_filled(tensors: Mapping[str, Tensor], interface: Interface) -> ReleasedSEEM:
    """The network that a published checkpoint holds, with its weights, ready to segment.

    Args:
        tensors: by their published names; all are used, but for `UNUSED`, which may be there or not.

    Raises:
        ValueError: a tensor is missing, left over or misshapen; the text names it.
    """
    state = {our_name(name): value for name, value in tensors.items() if name not in UNUSED}
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    try:
        with torch.device("meta"):
            model = build(shapes, interface)
    except KeyError as error:
        raise ValueError(f"{published_name(error.args[0])} is missing") from error
    if misfit := describe_misfit(model.state_dict(), state, published_name):
        raise ValueError(misfit)
    model.load_state_dict(state, assign=True)
    return model.requires_grad_(False).eval()


def describe_misfit(needed: Mapping[str, Tensor], given: Mapping[str, Tensor], say: Callable[[str], str]) -> str | None:
    """What is wrong with the names and shapes given, in a line, names as `say` has them; None if nothing is."""
    problems = [f"{say(name)} is missing" for name in needed if name not in given]
    problems += [f"{say(name)} is unknown" for name in given if name not in needed]
    problems += [
        f"{say(name)} is {tuple(given[name].shape)} where {tuple(tensor.shape)} is needed"
        for name, tensor in needed.items()
        if given.get(name, tensor).shape != tensor.shape
    ]
    more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
    return ", ".join(problems[:3]) + more if problems else None


def _backbone(shapes: Shapes) -> FocalNet | DaViT | SamViT:
    if "backbone.pos_embed" in shapes:
        return SamViT(_sam_vit(shapes))
    if "backbone.convs.0.conv.weight" in shapes:
        return DaViT(
            DaViTConfig(
                dims=tuple(shapes[f"backbone.convs.{i}.conv.weight"][0] for i in range(STAGES)),
                depths=tuple(_count(shapes, rf"backbone\.blocks\.{i}\.(\d+)\.") for i in range(STAGES)),
            )
        )
    kernels = range(_count(shapes, r"backbone\.layers\.0\.blocks\.0\.modulation\.focal_layers\.(\d+)\."))
    first = "backbone.layers.0.blocks.0"
    return FocalNet(
        FocalConfig(
            dims=tuple(shapes[f"backbone.norm{i}.weight"][0] for i in range(STAGES)),
            depths=tuple(_count(shapes, rf"backbone\.layers\.{i}\.blocks\.(\d+)\.") for i in range(STAGES)),
            kernels=tuple(shapes[f"{first}.modulation.focal_layers.{i}.0.weight"][-1] for i in kernels),
            depthwise=f"{first}.dw1.weight" in shapes,
        )
    )


def _sam_vit(shapes: Shapes) -> SamViTConfig:
    _, grid, _, dim = shapes["backbone.pos_embed"]
    tables = [
        shapes[f"backbone.blocks.{i}.attn.rel_pos_h"] for i in range(_count(shapes, r"backbone\.blocks\.(\d+)\."))
    ]
    necks = {"down_4": 5, "down_8": 2, "down_16": 0, "down_32": 2}
    return SamViTConfig(
        dim=dim,
        heads=dim // tables[0][1],
        grid=grid,
        windows=tuple(0 if length == 2 * grid - 1 else (length + 1) // 2 for length, _ in tables),
        neck=tuple(shapes[f"backbone.neck.{name}.{last}.weight"][0] for name, last in necks.items()),
    )


def _pixel_decoder(shapes: Shapes, channels: list[int]) -> nn.Module:
    layers = _count(shapes, r"pixel_decoder\.encoder\.(\d+)\.")
    ffn_dim, dim = shapes["pixel_decoder.encoder.0.ffn.linear1.weight"]
    offsets = shapes.get("pixel_decoder.encoder.0.self_attn.sampling_offsets.bias")
    if offsets is None:
        return TransformerPyramid(PyramidConfig(dim, layers, HEADS, ffn_dim), channels)
    points = offsets[0] // (HEADS * LEVELS * 2)
    return DeformablePixelDecoder(DeformableConfig(dim, layers, HEADS, ffn_dim, points), channels)


def _text(shapes: Shapes) -> TextConfig:
    vocabulary, width = shapes["text.token_embedding.weight"]
    return TextConfig(
        width=width,
        heads=width // TEXT_HEAD_DIM,
        layers=_count(shapes, r"text\.resblocks\.(\d+)\."),
        context=shapes["text.positional_embedding"][0],
        vocabulary=vocabulary,
    )


def _count(shapes: Shapes, pattern: str) -> int:
    """How many numbers the names that match a pattern with one number in it go through; 0 for none."""
    found = (re.match(pattern, name) for name in shapes)
    return max((int(match[1]) + 1 for match in found if match), default=0)
