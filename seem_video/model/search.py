"""Objects looked for on a picture by a released model: what is known of each, and the candidate that fits it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from seem_video.model.picture import Picture
from seem_video.model.point_sampler import PointTokens
from seem_video.model.query_decoder import Answer, Prompts
from seem_video.model.released import ReleasedSEEM, concatenate, pick, stack, text_similarity, visual_similarity
from seem_video.model.text import tokenise
from seem_video.prompts import PromptMaps, Reference, rasterise


@dataclass(frozen=True)
class Words:
    """Sentences about an object, encoded: (T, C) all their tokens, (S, C) the sentences."""

    tokens: Tensor
    sentences: Tensor

    @classmethod
    def encode(cls, model: ReleasedSEEM, sentences: Sequence[str]) -> Words:
        """Encode one or more sentences; one that is too long is cut, with a warning."""
        ids, valid = tokenise(sentences)
        tokens, whole = model.text(ids.to(model.device))
        return cls(tokens[valid], whole)


@dataclass(frozen=True)
class Wanted:
    """What is known of an object that is looked for; visual tokens are of one sequence each.

    Attributes:
        marks: what is drawn on the picture itself.
        shown: the object in other images, past frames among them.
        words: what is said of it.
    """

    marks: PointTokens | None = None
    shown: tuple[PointTokens, ...] = ()
    words: Words | None = None

    def __bool__(self) -> bool:
        return bool(self.marks or self.shown or self.words)

    def tokens(self) -> PointTokens | None:
        """All visual tokens; their mean is that of the marks, or else that of all images on which it is shown."""
        parts = [*([self.marks] if self.marks else []), *self.shown]
        if not parts:
            return None
        by_marks = self.marks is not None and (not self.shown or bool(self.marks.positive.any()))
        means = [part.positive_mean for part in (parts[:1] if by_marks else self.shown)]
        return replace(concatenate(parts), positive_mean=torch.stack(means).mean(0))


def read_prompts(picture: Picture, given: Sequence[PromptMaps], max_side: int | None = None) -> list[Wanted]:
    """What the prompts of N objects on a picture say; reference images are encoded with their long side capped."""
    marked = [bool(maps.on_object().any() or maps.negative.any()) for maps in given]
    tokens = _points(picture, given) if any(marked) else None
    return [
        Wanted(
            marks=tokens.select([i]) if tokens is not None and marked[i] else None,
            shown=tuple(_show(picture.model, reference, max_side) for reference in maps.references),
            words=Words.encode(picture.model, [text.words for text in maps.texts]) if maps.texts else None,
        )
        for i, maps in enumerate(given)
    ]


@dataclass(frozen=True)
class Found:
    """Mask logits (N, rows, columns) at stride 4 and captions (N, C) of the candidates that were chosen."""

    logits: Tensor
    captions: Tensor


def find(picture: Picture, wanted: Sequence[Wanted], previous: Tensor | None = None) -> Found:
    """Find N objects, each by itself, whatever else is looked for.

    A candidate is chosen by its mask where the object is shown, by its caption where it is described, by both where
    both are given: the published rules (SEEM, section 3.2), their probabilities added.

    Args:
        picture: the encoded image.
        wanted: none of which is empty.
        previous: (N, rows, columns) logits of their masks in the frame or round before; told to those that are shown.
    """
    tokens = [each.tokens() for each in wanted]
    groups = [[i for i, t in enumerate(tokens) if (t is None) == by_words] for by_words in (False, True)]
    parts = []
    for rows in filter(None, groups):
        shown = [t for i in rows if (t := tokens[i]) is not None]
        start = previous[rows] if previous is not None and shown else None
        parts.append(_decode(picture, stack(shown) if shown else None, [wanted[i].words for i in rows], start))
    order = torch.tensor([i for rows in groups for i in rows], device=picture.model.device).argsort()
    return Found(torch.cat([p.logits for p in parts])[order], torch.cat([p.captions for p in parts])[order])


def _decode(
    picture: Picture, tokens: PointTokens | None, words: Sequence[Words | None], previous: Tensor | None
) -> Found:
    """N objects that are all shown, by their tokens, or none of which is."""
    model = picture.model
    group = model.interface.answers["text" if tokens is None else "stroke"]
    prompts = Prompts(previous=None if previous is None else picture.padded(previous))
    if tokens is not None:
        prompts.tokens["stroke"] = tokens
    if any(words) and "text" in model.interface.attends[group]:
        prompts.text, prompts.text_valid = _pad(words, model)
    others = frozenset({"object", "grounding"}) - {group}
    answer = model.decode(picture.features, picture.owner(len(words)), prompts, without=others)[group]
    similarity = _said(answer, words, model)
    if tokens is not None:
        similarity = similarity + visual_similarity(answer, tokens).softmax(1)
    logits = picture.masks(pick(answer.embeddings, similarity))[:, 0]
    return Found(logits, pick(answer.captions, similarity)[:, 0])


def _said(answer: Answer, words: Sequence[Words | None], model: ReleasedSEEM) -> Tensor:
    """(N, Q, 1) probability that a candidate is what the words say; 0 for objects of which nothing is said."""
    likely = answer.captions.new_zeros(*answer.captions.shape[:2], 1)
    for i, said in enumerate(words):
        if said is not None:
            own = Answer(*(value[i : i + 1] for value in (answer.embeddings, answer.captions, answer.item)))
            alike = text_similarity(own, said.sentences, model.text.logit_scale)
            likely[i] = alike.mean(-1, keepdim=True).softmax(1)[0]
    return likely


def _pad(words: Sequence[Words | None], model: ReleasedSEEM) -> tuple[Tensor, Tensor]:
    """Tokens (N, T, C) of each object's sentences, and (N, T) bool, False for padding."""
    nothing = model.level_embed.new_zeros(0, model.level_embed.shape[1])
    rows = [nothing if said is None else said.tokens for said in words]
    valid = [torch.ones(len(row), dtype=torch.bool, device=row.device) for row in rows]
    padded, real = (torch.nn.utils.rnn.pad_sequence(part, batch_first=True) for part in (rows, valid))
    return padded, real


def _show(model: ReleasedSEEM, reference: Reference, max_side: int | None) -> PointTokens:
    maps = rasterise(reference.region, *reference.image.shape[:2])
    return _points(Picture.encode(model, reference.image, max_side), [maps])


def _points(picture: Picture, given: Sequence[PromptMaps]) -> PointTokens:
    """One sequence of tokens for each object's marks."""
    regions = ([maps.on_object() for maps in given], [maps.negative for maps in given])
    return picture.points(*(torch.from_numpy(np.stack(region)).to(picture.model.device) for region in regions))
