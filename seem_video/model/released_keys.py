"""Names of the tensors in the published checkpoints, and ours: one table that is read in both directions."""

from __future__ import annotations

import re

UNUSED = ("dilation_kernel", "criterion.empty_weight")
"""Tensors of a published file that segmenting does not need: training's mask dilation and class weights."""

_HEAD = "sem_seg_head.predictor."
_PIXELS = "sem_seg_head.pixel_decoder."
_ENCODER = _PIXELS + "transformer.encoder.layers.{}."

_TABLE = [
    # text encoder
    (_HEAD + "lang_encoder.lang_proj", "text.lang_proj"),
    (_HEAD + "lang_encoder.logit_scale", "text.logit_scale"),
    (_HEAD + "lang_encoder.lang_encoder.", "text."),
    # pixel decoders
    (_ENCODER + "norm1.", "pixel_decoder.encoder.{}.norm."),
    (_ENCODER + "norm2.", "pixel_decoder.encoder.{}.ffn.norm."),
    (_ENCODER + "linear{}.", "pixel_decoder.encoder.{}.ffn.linear{}."),
    (_ENCODER, "pixel_decoder.encoder.{}."),
    (_PIXELS + "transformer.level_embed", "pixel_decoder.level_embed"),
    *((_PIXELS + f"adapter_{i + 1}.", f"pixel_decoder.adapters.{i}.") for i in range(3)),
    *((_PIXELS + f"layer_{i + 1}.", f"pixel_decoder.smooth.{i}.") for i in range(4)),
    (_PIXELS, "pixel_decoder."),
    # visual sampler and decoder
    (_HEAD + "level_embed.weight", "level_embed"),
    (_HEAD + "mask_sptial_embed.", "sampler.project."),
    (_HEAD + "pn_indicator.weight", "sampler.indicator"),
    (_HEAD + "transformer_self_attention_layers.{}.self_attn.", "decoder.layers.{}.self_attn."),
    (_HEAD + "transformer_self_attention_layers.{}.norm.", "decoder.layers.{}.self_norm."),
    (_HEAD + "transformer_cross_attention_layers.{}.multihead_attn.", "decoder.layers.{}.cross_attn."),
    (_HEAD + "transformer_cross_attention_layers.{}.norm.", "decoder.layers.{}.cross_norm."),
    (_HEAD + "transformer_ffn_layers.{}.", "decoder.layers.{}.ffn."),
    (_HEAD + "decoder_norm.", "decoder.norm."),
    *((_HEAD + f"mask_embed.layers.{i}.", f"decoder.mask_embed.{2 * i}.") for i in range(3)),
    (_HEAD + "spatial_featured.weight", "decoder.memory_feat"),
    (_HEAD + "spatial_embed.weight", "decoder.memory_embed"),
    (_HEAD + "query_feat.weight", "decoder.query_feat"),
    (_HEAD + "query_embed.weight", "decoder.query_embed"),
    (_HEAD, "decoder."),
    # DaViT and SAM ViT, to the names of timm's blocks
    ("backbone.convs.{}.proj.", "backbone.convs.{}.conv."),
    *(
        (f"backbone.blocks.{{}}.{{}}.{theirs}_block.{part}.", f"backbone.blocks.{{}}.{{}}.{ours}.{name}.")
        for ours, (theirs, attention) in enumerate([("spatial", "window_attn"), ("channel", "channel_attn")])
        for part, name in [
            ("conv1.fn.dw", "cpe1.proj"),
            ("conv2.fn.dw", "cpe2.proj"),
            (f"{attention}.norm", "norm1"),
            (f"{attention}.fn", "attn"),
            ("ffn.norm", "norm2"),
            ("ffn.fn.net", "mlp"),
        ]
    ),
    ("backbone.blocks.{}.mlp.lin{}.", "backbone.blocks.{}.mlp.fc{}."),
]
"""Beginnings of published names and of ours; `{}` is a number that both share; the first row that fits counts."""


def our_name(published: str) -> str:
    """The name under which our network has a published tensor."""
    return _translate(published, _TO_OURS)


def published_name(ours: str) -> str:
    """The name under which a published checkpoint has a tensor of our network."""
    return _translate(ours, _TO_PUBLISHED)


def _translate(name: str, rows: list[tuple[re.Pattern[str], str]]) -> str:
    for pattern, template in rows:
        if match := pattern.match(name):
            return template.format(*match.groups()) + name[match.end() :]
    return name


def _pattern(beginning: str) -> re.Pattern[str]:
    return re.compile(re.escape(beginning).replace(re.escape("{}"), r"(\d+)"))


_TO_OURS = [(_pattern(published), ours) for published, ours in _TABLE]
_TO_PUBLISHED = [(_pattern(ours), published) for published, ours in _TABLE]
