"""SEEM's decoder: queries look at the image where their mask is, then talk to prompts and memories under rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seem_video.model.config import DecoderConfig
from seem_video.model.layers import MLP, Attention, FeedForward, of_each_object, resize_to, sequence, sine_map
from seem_video.model.visual_sampler import PromptTokens
from seem_video.model.windows import ObjectMaps


@dataclass
class Decoded:
    """What the decoder says about N objects with Q candidate masks each.

    Attributes:
        logits: (N, Q, h, w) mask logits at stride 4.
        similarity: (N, Q) cosine between mask embedding and prompt embedding, times a learned scale.
        quality: (N, Q) logit of the predicted IoU of each candidate.
        auxiliary: (N, Q, h, w) logits before each layer, for deep supervision; empty outside training.
    """

    logits: Tensor
    similarity: Tensor
    quality: Tensor
    auxiliary: list[Tensor]


class DecoderLayer(nn.Module):
    """Masked cross-attention to one level, ruled self-attention, feed-forward; all post-norm."""

    def __init__(self, dim: int, heads: int, ffn_dim: int) -> None:
        super().__init__()
        self.cross_attn = Attention(dim, heads)
        self.cross_norm = nn.LayerNorm(dim)
        self.self_attn = Attention(dim, heads)
        self.self_norm = nn.LayerNorm(dim)
        self.ffn = FeedForward(dim, ffn_dim)

    def project(self, cells: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """What rows see of S cells (B, S, C) of B frames, at (S, C): keys and values (B, heads, S, C / heads)."""
        return self.cross_attn.project_memory(cells + position, cells)

    def forward(
        self,
        x: Tensor,
        position: Tensor,
        seen: tuple[Tensor, Tensor],
        owner: Tensor,
        looks_at: Tensor,
        tokens: Tensor,
        rule: Tensor,
    ) -> Tensor:
        """Refine the rows of N objects.

        Args:
            x, position: (N, R, C) rows; the first Q of them look at the image.
            seen: what `project` returned of a level of B frames.
            owner: (N,) the frame of each object.
            looks_at: (N, 1, Q, S) bool, where each of these may look.
            tokens: (N, T, C) prompts of this level; seen by rows, never changed, so that they need no rows.
            rule: (N, 1, R, R + T) bool, who may attend to whom.

        Returns:
            (N, R, C)
        """
        looking, (key, value) = looks_at.shape[2], seen
        own = of_each_object(key, owner), of_each_object(value, owner)
        looked = self.cross_attn(x[:, :looking] + position[:, :looking], own, looks_at)
        x = torch.cat([self.cross_norm(x[:, :looking] + looked), x[:, looking:]], dim=1)
        both = torch.cat([x, tokens], dim=1)
        keys = self.self_attn.project_memory(both + torch.cat([position, tokens], dim=1), both)
        return self.ffn(self.self_norm(x + self.self_attn(x + position, keys, rule)))


class Decoder(nn.Module):
    """Candidate queries and memory rows of N objects against the levels of their frames.

    `attends` of the config is the rule of self-attention: for each group, the groups it may see. Prompt tokens are
    replaced by the next level's tokens before every layer, and never attend to the image (SEEM, section 3.3).
    """

    def __init__(self, config: DecoderConfig, dim: int, mask_dim: int, levels: int) -> None:
        super().__init__()
        self.attends: Mapping[str, Sequence[str]] = config.attends
        self.query_feat = nn.Parameter(torch.randn(config.queries, dim) * 0.5)
        self.query_embed = nn.Parameter(torch.randn(config.queries, dim) * 0.5)
        self.memory_feat = nn.Parameter(torch.randn(config.memories, dim) * 0.5)
        self.memory_embed = nn.Parameter(torch.randn(config.memories, dim) * 0.5)
        self.level_embed = nn.Parameter(torch.randn(levels, dim) * 0.02)
        self.layers = nn.ModuleList(DecoderLayer(dim, config.heads, config.ffn_dim) for _ in range(config.layers))
        self.norm = nn.LayerNorm(dim)
        self.mask_embed = MLP(dim, dim, mask_dim)
        self.match_mask = MLP(mask_dim, dim, dim)
        self.match_prompt = nn.Linear(dim, dim)
        self.match_scale = nn.Parameter(torch.tensor(2.0))
        self.quality = MLP(dim, dim, 1)

    def forward(
        self,
        levels: Sequence[Tensor],
        owner: Tensor,
        object_pixels: ObjectMaps,
        prompts: PromptTokens,
        previous: Tensor | None,
    ) -> Decoded:
        """Decode N objects.

        Args:
            levels: (B, C, h, w) maps of B frames, coarsest first.
            owner: (N,) the frame of each object.
            object_pixels: what the N objects' masks are dotted from.
            prompts: tokens of the N objects.
            previous: (N, h, w) logits or None; where the previous mask was. Memory rows take part only when given.
        """
        count, queries = len(owner), len(self.query_feat)
        x, position = self._rows(count, with_memory=previous is not None)
        groups = {"query": queries, "memory": x.shape[1] - queries, "token": prompts.valid.shape[1]}
        rule = self._rule(groups, prompts.valid)
        auxiliary: list[Tensor] = []
        for i, layer in enumerate(cast("Iterable[DecoderLayer]", self.layers)):
            index = i % len(levels)
            logits = object_pixels.dot(self.mask_embed(self.norm(x[:, :queries])))
            if self.training:
                auxiliary.append(logits)
            reached = object_pixels.reached(levels[index])
            looks_at = foreground(object_pixels.reached(resize_to(logits.detach(), levels[index])))
            if previous is not None:
                seen_before = foreground(object_pixels.reached(resize_to(previous[:, None], levels[index])))
                looks_at = torch.cat([looks_at, seen_before.expand(-1, -1, groups["memory"], -1)], dim=2)
            where = sequence(object_pixels.reached(sine_map(levels[index])))[0]
            seen = layer.project(sequence(reached) + self.level_embed[index], where)
            x = layer(x, position, seen, owner, looks_at, prompts.levels[index], rule)
        d = self.norm(x[:, :queries])
        embedding = self.mask_embed(d)
        return Decoded(
            logits=object_pixels.dot(embedding),
            similarity=self._similarity(embedding, prompts.embedding()),
            quality=self.quality(d)[..., 0],
            auxiliary=auxiliary,
        )

    def _rows(self, count: int, *, with_memory: bool) -> tuple[Tensor, Tensor]:
        content: list[Tensor] = [self.query_feat]
        position: list[Tensor] = [self.query_embed]
        if with_memory:
            content.append(self.memory_feat)
            position.append(self.memory_embed)
        return torch.cat(content).expand(count, -1, -1), torch.cat(position).expand(count, -1, -1)

    def _rule(self, groups: Mapping[str, int], token_valid: Tensor) -> Tensor:
        """(N, 1, queries + memories, all) bool: who may attend to whom, tokens that stand for nothing left out.

        Tokens have no rows: they are replaced before every layer, so nothing reads what they would become.
        """
        names = [name for name in ("query", "memory") if groups[name]]
        rows = [
            torch.cat([torch.full((groups[column],), column in self.attends[row]) for column in (*names, "token")])
            for row in names
            for _ in range(groups[row])
        ]
        rule = torch.stack(rows).to(token_valid.device).expand(len(token_valid), -1, -1).clone()
        rule[:, :, -groups["token"] :] &= token_valid[:, None]
        return rule[:, None]

    def _similarity(self, embedding: Tensor, prompt: Tensor) -> Tensor:
        mask_side = F.normalize(self.match_mask(embedding), dim=-1)
        prompt_side = F.normalize(self.match_prompt(prompt), dim=-1)
        return torch.einsum("nqc,nc->nq", mask_side, prompt_side) * self.match_scale.exp()


def foreground(logits: Tensor) -> Tensor:
    """(N, 1, Q, h * w) bool: where the rows' masks (N, Q, h, w) are; a row without any foreground may look anywhere."""
    inside = logits.flatten(2) >= 0
    return (inside | ~inside.any(-1, keepdim=True))[:, None]
