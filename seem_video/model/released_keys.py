"""Names of the tensors in the published checkpoints, and ours."""

from __future__ import annotations

import re
from collections.abc import Callable

UNUSED = ("dilation_kernel", "criterion.empty_weight")
"""Tensors of a released file that segmenting needs no more: training's mask dilation and class weights."""


def _one_less(prefix: str) -> Callable[[re.Match[str]], str]:
    return lambda match: f"{prefix}.{int(match[1]) - 1}"


_RENAMES: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    # text
    (r"^sem_seg_head\.predictor\.lang_encoder\.(lang_encoder\.)?", "text."),
    # pixel decoders
    (r"^sem_seg_head\.pixel_decoder\.", "pixel_decoder."),
    (r"^pixel_decoder\.transformer\.level_embed", "pixel_decoder.level_embed"),
    (r"^pixel_decoder\.transformer\.encoder\.layers\.", "pixel_decoder.encoder."),
    (r"^(pixel_decoder\.encoder\.\d+)\.norm1", r"\1.norm"),
    (r"^(pixel_decoder\.encoder\.\d+)\.norm2", r"\1.ffn.norm"),
    (r"^(pixel_decoder\.encoder\.\d+)\.linear", r"\1.ffn.linear"),
    (r"^pixel_decoder\.adapter_(\d)", _one_less("pixel_decoder.adapters")),
    (r"^pixel_decoder\.layer_(\d)", _one_less("pixel_decoder.smooth")),
    # decoder
    (r"^sem_seg_head\.predictor\.level_embed\.weight", "level_embed"),
    (r"^sem_seg_head\.predictor\.mask_sptial_embed", "sampler.project"),
    (r"^sem_seg_head\.predictor\.pn_indicator\.weight", "sampler.indicator"),
    (r"^sem_seg_head\.predictor\.", "decoder."),
    (r"^decoder\.transformer_self_attention_layers\.(\d+)\.self_attn", r"decoder.layers.\1.self_attn"),
    (r"^decoder\.transformer_self_attention_layers\.(\d+)\.norm", r"decoder.layers.\1.self_norm"),
    (r"^decoder\.transformer_cross_attention_layers\.(\d+)\.multihead_attn", r"decoder.layers.\1.cross_attn"),
    (r"^decoder\.transformer_cross_attention_layers\.(\d+)\.norm", r"decoder.layers.\1.cross_norm"),
    (r"^decoder\.transformer_ffn_layers\.(\d+)", r"decoder.layers.\1.ffn"),
    (r"^decoder\.decoder_norm", "decoder.norm"),
    (r"^decoder\.mask_embed\.layers\.(\d)", lambda match: f"decoder.mask_embed.{2 * int(match[1])}"),
    (r"^decoder\.spatial_featured\.weight", "decoder.memory_feat"),
    (r"^decoder\.spatial_embed\.weight", "decoder.memory_embed"),
    (r"^(decoder\.query_(feat|embed))\.weight", r"\1"),
    # DaViT and SAM ViT, to the names of timm's blocks
    (r"^(backbone\.convs\.\d)\.proj", r"\1.conv"),
    (r"\.spatial_block\.", ".0."),
    (r"\.channel_block\.", ".1."),
    (r"\.conv([12])\.fn\.dw\.", r".cpe\1.proj."),
    (r"\.(window|channel)_attn\.norm\.", ".norm1."),
    (r"\.(window|channel)_attn\.fn\.", ".attn."),
    (r"^(backbone\.blocks\..*)\.ffn\.norm\.", r"\1.norm2."),
    (r"^(backbone\.blocks\..*)\.ffn\.fn\.net\.", r"\1.mlp."),
    (r"^(backbone\.blocks\.\d+\.mlp)\.lin", r"\1.fc"),
]


def our_name(name: str) -> str:
    """The name under which our network has a tensor of the published one."""
    for pattern, replacement in _RENAMES:
        name = re.sub(pattern, replacement, name)
    return name
