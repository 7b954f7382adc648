"""SEEM's text encoder: CLIP's (Radford et al., 2021), its tokenizer, and the tables of classes made with it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seem_video.errors import SeemVideoError
from seem_video.model.layers import Attention

CONTEXT = 77
VOCABULARY = Path(__file__).parent / "tokenizer"
NORM_EPSILON = 1e-12
TINY = 1e-7
"""Added to the length of an embedding before it is divided by it."""


@dataclass(frozen=True)
class TextConfig:
    width: int
    heads: int
    layers: int
    context: int
    vocabulary: int


def tokenise(sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Token ids of sentences by CLIP's byte pairs.

    Returns:
        ids: (S, T) long, start token, tokens, end token, then end tokens up to the longest sentence.
        valid: (S, T) bool, False for those after the first end token.

    Raises:
        SeemVideoError: a sentence is empty, or there is none. One that is too long is cut at 77 tokens, with a warning.
    """
    if not sentences or not all(sentence.strip() for sentence in sentences):
        raise SeemVideoError("A text prompt is empty; name what to look for, for example a brown dog.")
    tokenizer = _tokenizer()
    rows = [tokenizer(sentence)["input_ids"] for sentence in sentences]
    for i, row in enumerate(rows):
        if len(row) > CONTEXT:
            warnings.warn(f'Text "{sentences[i][:40]}..." is longer than {CONTEXT} tokens and was cut.', stacklevel=2)
            rows[i] = [*row[: CONTEXT - 1], row[-1]]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [row[-1]] * (longest - len(row)) for row in rows])
    valid = torch.arange(longest) < torch.tensor([len(row) for row in rows])[:, None]
    return ids, valid


@cache
def _tokenizer() -> Any:
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(str(VOCABULARY), local_files_only=True)


class TextEncoder(nn.Module):
    """Token ids to embeddings in the space that masks are described in."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        width = config.width
        self.token_embedding = nn.Embedding(config.vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.randn(config.context, width) * 0.01)
        self.resblocks = nn.ModuleList(TextBlock(width, config.heads) for _ in range(config.layers))
        self.ln_final = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.lang_proj = nn.Parameter(torch.randn(width, width) * width**-0.5)
        self.logit_scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Encode sentences.

        Args:
            ids: (S, T) start token, tokens, end token, then end tokens; T may stop at the longest sentence's end token,
                for no token sees those after it.

        Returns:
            tokens (S, T, C) and sentences (S, C), the row at each first end token; neither is normalised.
        """
        length = ids.shape[1]
        x = self.token_embedding(ids) + self.positional_embedding[:length]
        causal = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()
        for block in self.resblocks:
            x = block(x, causal)
        x = self.ln_final(x) @ self.lang_proj
        return x, x[torch.arange(len(ids), device=ids.device), ids.argmax(1)]

    def class_table(self, ids: Tensor) -> Tensor:
        """(K, C) unit vectors of K classes from (K, P, T) ids of P sentences about each."""
        _, sentences = self(ids.flatten(0, 1))
        mean = unit(sentences).unflatten(0, ids.shape[:2]).mean(1)
        return mean / mean.norm(dim=-1, keepdim=True)

    def classify(self, captions: Tensor, table: Tensor) -> Tensor:
        """Logits (..., K) of captions (..., C), which need not be normalised, for the K classes of a table (K, C)."""
        return self.logit_scale.exp() * unit(captions) @ table.T


class TextBlock(nn.Module):
    """Pre-norm self-attention and feed-forward, with CLIP's approximation of the GELU."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.attn = Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor, allowed: Tensor) -> Tensor:
        normed = self.ln_1(x)
        x = x + self.attn(normed, self.attn.project_memory(normed, normed), allowed)
        hidden = self.mlp["c_fc"](self.ln_2(x))
        return x + self.mlp["c_proj"](hidden * torch.sigmoid(1.702 * hidden))


def unit(x: Tensor) -> Tensor:
    """Embeddings (..., C) divided by their length, as the released models do it."""
    return x / (x.norm(dim=-1, keepdim=True) + TINY)
