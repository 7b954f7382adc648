"""The released models' decoder: object, grounding and spatial queries, memories and prompt tokens (SEEM, section 3).

Its layers are those of the compact model's `Decoder`; what surrounds them differs: several groups of queries, text that
evolves with them, and candidates that are described by a caption as well as by a mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import torch
from torch import Tensor, nn

from seem_video.model.decoder import DecoderLayer, foreground
from seem_video.model.layers import MLP, resize_to, sequence, sine_sequence
from seem_video.model.point_sampler import PointTokens


@dataclass(frozen=True)
class Interface:
    """What tells the published model's three interfaces apart; their weights are of one kind.

    Attributes:
        looks: groups of rows that look at the image, in their order. A group other than `object` takes part when the
            prompt it `needs` is given.
        attends: for each group of rows, the groups that it may see in self-attention.
        needs: prompt without which a group is left out.
        answers: for each prompt, the group of queries that answers it.
        reference: the token group that a reference image's tokens belong to.
        queries_per_item: spatial queries of each item of a sequence; None for all of them, one item a sequence.
        empty_mean: mean feature that stands for an item without points.
    """

    looks: tuple[str, ...]
    attends: Mapping[str, tuple[str, ...]]
    needs: Mapping[str, str]
    answers: Mapping[str, str]
    reference: str
    queries_per_item: int | None
    empty_mean: float


_SEPARATE: dict[str, tuple[str, ...]] = {
    "object": ("object",),
    "grounding": ("grounding", "text"),
    "text": ("grounding", "text"),
    "spatial": ("spatial", "stroke", "memory"),
    "memory": ("memory",),
}
_ROOMS = ("object", "grounding", "spatial", "memory")
_NEEDS = {"grounding": "text", "text": "text", "spatial": "stroke", "memory": "previous"}
_ANSWERS = {"text": "grounding", "stroke": "spatial"}

INTERFACES = {
    "v0": Interface(_ROOMS, _SEPARATE, _NEEDS, _ANSWERS, "stroke", None, 0.0),
    "v1": Interface(_ROOMS, _SEPARATE, _NEEDS, _ANSWERS, "stroke", 3, -1.0),
    "demo": Interface(
        looks=("object",),
        attends={"object": ("object", "text", "stroke", "visual"), "text": ("object", "text")},
        needs={"text": "text"},
        answers={"text": "object", "stroke": "object", "visual": "object"},
        reference="visual",
        queries_per_item=None,
        empty_mean=0.0,
    ),
}


@dataclass(frozen=True)
class QueryDecoderConfig:
    """Shape of a released decoder."""

    dim: int
    layers: int
    heads: int
    ffn_dim: int
    queries: int
    memories: int


@dataclass
class Prompts:
    """What N sequences are asked for; all None asks for everything.

    Attributes:
        text, text_valid: (N, T, C) embeddings of the tokens of one or more sentences; (N, T) bool, False for padding.
        tokens: visual prompts by token group, "stroke" for this frame's and "visual" for another image's.
        previous: (N, O, h, w) mask logits at stride 4 of each item in the round or frame before.
        query_draw: (O * 3,) rows of the query table that become spatial queries.
        memory_draw: (layers, M) the item of each memory row in each layer. The published v1 draws both at random; None
            spreads them evenly.
    """

    text: Tensor | None = None
    text_valid: Tensor | None = None
    tokens: dict[str, PointTokens] = field(default_factory=dict)
    previous: Tensor | None = None
    query_draw: Tensor | None = None
    memory_draw: Tensor | None = None

    def given(self) -> set[str]:
        """Names of the prompts that are there."""
        others = {"text": self.text, "previous": self.previous}
        return set(self.tokens) | {name for name, value in others.items() if value is not None}


@dataclass
class Rows:
    """Rows of N sequences on their way through the layers.

    Attributes:
        x, position: (N, R, C). item: (N, R) long. sizes: rows of each group, in order; those that look come first.
        rule: (N, 1, R, R + T) bool: who may attend to whom, of rows and prompt tokens.
    """

    x: Tensor
    position: Tensor
    item: Tensor
    sizes: dict[str, int]
    rule: Tensor

    def span(self, group: str) -> slice:
        """Where the rows of a group are."""
        names = list(self.sizes)
        start = sum(self.sizes[name] for name in names[: names.index(group)])
        return slice(start, start + self.sizes[group])


@dataclass
class Answer:
    """Candidates of one group of queries: mask embeddings and captions (N, Q, C), the item (N, Q) each speaks of."""

    embeddings: Tensor
    captions: Tensor
    item: Tensor


class QueryDecoder(nn.Module):
    """Candidates for N sequences of prompts, by masked attention to three levels of their frames."""

    def __init__(self, config: QueryDecoderConfig, interface: Interface) -> None:
        super().__init__()
        self.interface = interface
        dim = config.dim
        self.query_feat = nn.Parameter(torch.randn(config.queries, dim))
        self.query_embed = nn.Parameter(torch.randn(config.queries, dim))
        self.memory_feat = nn.Parameter(torch.randn(config.memories, dim))
        self.memory_embed = nn.Parameter(torch.randn(config.memories, dim))
        self.layers = nn.ModuleList(DecoderLayer(dim, config.heads, config.ffn_dim) for _ in range(config.layers))
        self.norm = nn.LayerNorm(dim)
        self.mask_embed = MLP(dim, dim, dim, dim)
        self.class_embed = nn.Parameter(torch.randn(dim, dim) * dim**-0.5)

    def forward(
        self,
        seen: Sequence[tuple[Tensor, Tensor]],
        mask_levels: Sequence[Tensor],
        owner: Tensor,
        prompts: Prompts,
        *,
        without: frozenset[str] = frozenset(),
    ) -> dict[str, Answer]:
        """Decode.

        Args:
            seen: what each layer sees of B frames, as `project` returned it.
            mask_levels: (B, C, h, w) mask features at the sizes of the levels.
            owner: (N,) the frame of each sequence.
            prompts: of the N sequences.
            without: groups of queries that nobody asks for.

        Returns:
            the candidates of each group of queries.
        """
        rows = self.start(len(owner), prompts, without=without)
        for i in range(len(self.layers)):
            logits = self.looks_at(rows, mask_levels[i % len(mask_levels)], owner)
            rows = self.step(i, rows, logits, seen[i], owner, prompts)
        return self.answers(rows)

    def project(self, levels: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """What each layer sees of B frames, from maps (B, C, h, w) with their level embedding, coarsest first.

        It depends on no prompt, and is most of the decoder's work for one object.
        """
        layers = cast("Iterable[DecoderLayer]", self.layers)
        cells = [(sequence(level), sine_sequence(level)) for level in levels]
        return [layer.project(*cells[i % len(levels)]) for i, layer in enumerate(layers)]

    def start(self, count: int, prompts: Prompts, *, without: frozenset[str] = frozenset()) -> Rows:
        """The rows of N sequences before the first layer."""
        given, sizes, parts = prompts.given(), {}, []
        for group in (*self.interface.looks, "text"):
            needed = self.interface.needs.get(group)
            if group in without or (needed is not None and needed not in given):
                continue
            x, position, item = self._group(group, prompts)
            sizes[group] = x.shape[-2]
            parts.append((x.expand(count, -1, -1), position.expand(count, -1, -1), item.expand(count, -1)))
        x, position, item = (torch.cat(part, dim=1) for part in zip(*parts, strict=True))
        return Rows(x, position, item, sizes, self._rule(sizes, item, prompts))

    def looks_at(self, rows: Rows, mask_level: Tensor, owner: Tensor) -> Tensor:
        """(N, L, h, w) mask logits of all looking rows at one level."""
        looking = sum(size for group, size in rows.sizes.items() if group in self.interface.looks)
        return self.masks(self.mask_embed(self.norm(rows.x[:, :looking])), mask_level, owner)

    def step(
        self, i: int, rows: Rows, logits: Tensor, seen: tuple[Tensor, Tensor], owner: Tensor, prompts: Prompts
    ) -> Rows:
        """Layer `i`, given mask logits (N, L, h, w) of the looking rows, and what it sees of the frames.

        Memory rows look where the mask was before.
        """
        item, rule = rows.item, rows.rule
        if "memory" in rows.sizes:
            span = rows.span("memory")
            if prompts.memory_draw is not None:
                item = item.clone()
                item[:, span] = prompts.memory_draw[i]
                rule = self._rule(rows.sizes, item, prompts)
            assert prompts.previous is not None
            before = resize_to(prompts.previous, logits)
            index = item[:, span, None, None].expand(-1, -1, *before.shape[-2:])
            logits = torch.cat([logits[:, : span.start], before.gather(1, index), logits[:, span.stop :]], dim=1)
        tokens = [group.levels[i % len(group.levels)] for group in prompts.tokens.values()]
        prompted = torch.cat([rows.x[:, :0], *tokens], dim=1)
        x = self.layers[i](rows.x, rows.position, seen, owner, foreground(logits), prompted, rule)
        return replace(rows, x=x)

    def answers(self, rows: Rows) -> dict[str, Answer]:
        """The candidates as they stand after the last layer."""
        queries = [group for group in rows.sizes if group not in ("memory", "text")]
        return {
            group: Answer(self.mask_embed(d), d @ self.class_embed, rows.item[:, rows.span(group)])
            for group in queries
            for d in [self.norm(rows.x[:, rows.span(group)])]
        }

    @staticmethod
    def masks(embeddings: Tensor, mask_features: Tensor, owner: Tensor) -> Tensor:
        """Mask logits (N, Q, h, w) of mask embeddings (N, Q, C) on the frames `owner` of mask features (B, C, h, w).

        Features of a single frame are not copied for each of the N, nor reordered, which a batched product would do.
        """
        if len(mask_features) == 1:
            logits = embeddings.flatten(0, 1) @ mask_features[0].flatten(1)
            return logits.view(*embeddings.shape[:2], *mask_features.shape[2:])
        return torch.einsum("nqc,nchw->nqhw", embeddings, mask_features[owner])

    def _group(self, group: str, prompts: Prompts) -> tuple[Tensor, Tensor, Tensor]:
        """Content (1 or N, L, C), position and item (1 or N, L) of a group of rows."""
        if group == "text":
            assert prompts.text is not None
            return prompts.text, prompts.text, _zeros(prompts.text)
        if group == "memory":
            item = self._memory_items(prompts)
            return self.memory_feat[None], self.memory_embed[None], item[None]
        x, position, per_item = self.query_feat[None], self.query_embed[None], self.interface.queries_per_item
        if group != "spatial" or per_item is None:
            return x, position, _zeros(x)
        items = prompts.tokens["stroke"].positive_mean.shape[1]
        drawn = prompts.query_draw
        if drawn is None:
            drawn = torch.linspace(0, x.shape[1] - 1, per_item, device=x.device).round().long().repeat(items)
        item = torch.arange(items, device=x.device).repeat_interleave(per_item)
        return x[:, drawn], position[:, drawn], item[None]

    def _memory_items(self, prompts: Prompts) -> Tensor:
        """(M,) the item of each memory row: as many for every item as can be."""
        assert prompts.previous is not None
        count = len(self.memory_feat)
        return torch.arange(count, device=self.memory_feat.device) * prompts.previous.shape[1] // count

    def _rule(self, sizes: Mapping[str, int], item: Tensor, prompts: Prompts) -> Tensor:
        """(N, 1, R, R + T) bool: who may attend to whom: the groups that the interface lets, of the same item.

        Tokens that stand for nothing are not seen; as rows they would see nothing, so they are let to see everything.
        """
        columns = dict(sizes) | {name: tokens.valid.shape[1] for name, tokens in prompts.tokens.items()}
        seen = [name for name, size in columns.items() for _ in range(size)]
        table = {
            row: torch.tensor([column in self.interface.attends[row] for column in seen], device=item.device)
            for row in sizes
        }
        groups = torch.cat([table[row].expand(size, -1) for row, size in sizes.items()])
        valid = torch.ones_like(item, dtype=torch.bool)
        if prompts.text_valid is not None:
            valid[:, -sizes["text"] :] = prompts.text_valid
        columns_valid = torch.cat([valid, *(tokens.valid for tokens in prompts.tokens.values())], dim=1)
        columns_item = torch.cat([item, *(tokens.item for tokens in prompts.tokens.values())], dim=1)
        rule = groups & (item[:, :, None] == columns_item[:, None]) & columns_valid[:, None] & valid[:, :, None]
        return (rule | ~rule.any(-1, keepdim=True))[:, None]


def _zeros(x: Tensor) -> Tensor:
    return torch.zeros(x.shape[:2], dtype=torch.long, device=x.device)
