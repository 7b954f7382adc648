"""One image, segmented: what prompts, words or another image point at, or everything with labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from seem_video.errors import SeemVideoError
from seem_video.model.picture import Picture
from seem_video.model.point_sampler import PointTokens
from seem_video.model.query_decoder import Answer, Prompts
from seem_video.model.released import ReleasedSEEM, concatenate, pick, text_similarity, visual_similarity
from seem_video.model.semantics import Region, panoptic
from seem_video.model.text import tokenise
from seem_video.model.vocabulary import COCO, VOID, Vocabulary
from seem_video.prompts import Prompt, PromptMaps, rasterise

Image = npt.NDArray[np.uint8]
TEMPLATE = "a photo of a {}."
"""The sentence that stands for a class; the published evaluation averages many."""


@dataclass(frozen=True)
class Segment:
    """One region: mask (H, W) bool, label, score in 0..1 (class probability, or mean probability inside the mask)."""

    mask: npt.NDArray[np.bool_]
    label: str
    score: float


class ImageSegmenter:
    """Segments images with a released model; the table of the vocabulary's classes is made once."""

    def __init__(self, model: ReleasedSEEM, vocabulary: Vocabulary = COCO) -> None:
        self.model = model
        self.vocabulary = vocabulary
        self._table: Tensor | None = None

    @torch.inference_mode()
    def everything(self, image: Image) -> list[Segment]:
        """Panoptic regions of an image (H, W, 3) uint8 RGB: without overlap, each of a class of the vocabulary."""
        classes, masks = self.candidates(image)
        names, stuff = self.vocabulary.names, self.vocabulary.stuff
        regions = panoptic(classes, masks, [name in stuff for name in names])
        return [self._segment(region) for region in regions]

    @torch.inference_mode()
    def candidates(self, image: Image) -> tuple[Tensor, Tensor]:
        """Class logits (Q, K + 1), void last, and mask logits (Q, H, W), for the functions of `semantics`."""
        picture = Picture.encode(self.model, image)
        answer = self.model.decode(picture.features, picture.owner(1), Prompts())["object"]
        classes = self.model.text.classify(answer.captions, self._class_table())[0]
        return classes, _full_size(picture.masks(answer.embeddings), image)[0]

    @torch.inference_mode()
    def prompted(
        self,
        image: Image,
        prompts: Mapping[int, Sequence[Prompt]] | None = None,
        *,
        text: Sequence[str] = (),
        reference: tuple[Image, Sequence[Prompt]] | None = None,
    ) -> list[Segment]:
        """What is pointed at, one region an object.

        Args:
            image: (H, W, 3) uint8 RGB.
            prompts: object id to its visual prompts on the image.
            text: alone, one region a sentence; with visual prompts or a reference, all sentences together say more of
                each object, and the candidate that fits both best is taken.
            reference: another image, and visual prompts on the object there that is looked for here.

        Raises:
            SeemVideoError: nothing is asked for, a text is empty, a prompt does not fit its image or marks no object.
        """
        if not prompts and not text and reference is None:
            raise SeemVideoError("Nothing says what to segment; give a prompt, a text or a reference image.")
        picture = Picture.encode(self.model, image)
        tokens = self._reference(*reference) if reference else None
        drawn = [rasterise(given, *image.shape[:2]) for given in (prompts or {}).values()]
        marked = _points(picture, drawn) if drawn else None
        given = self._prompts(text, marked, tokens)
        owner = picture.owner(len(drawn) or 1)
        answers = self.model.decode(picture.features, owner, given)
        answer, similarity = self._similarity(answers, given, text)
        logits = picture.masks(pick(answer.embeddings, similarity)).flatten(0, 1)
        labels = [str(object_id) for object_id in prompts] if prompts else list(text) if not reference else ["1"]
        full = _full_size(logits[None], image)[0]
        return [
            Segment((mask > 0).cpu().numpy(), label, _mean_inside(mask))
            for mask, label in zip(full, labels, strict=True)
        ]

    def _reference(self, image: Image, prompts: Sequence[Prompt]) -> PointTokens:
        tokens = _points(Picture.encode(self.model, image), [rasterise(prompts, *image.shape[:2])])
        if not tokens.positive.any():
            raise SeemVideoError("The reference image has no region; mark the object in it with a prompt.")
        return tokens

    def _prompts(self, text: Sequence[str], marked: PointTokens | None, reference: PointTokens | None) -> Prompts:
        """Everything that was given, for as many sequences as there are objects."""
        sequences = 1 if marked is None else len(marked.valid)
        tokens = {"stroke": marked} if marked is not None else {}
        if reference is not None:
            kind, same = self.model.interface.reference, reference.select([0] * sequences)
            tokens[kind] = concatenate([tokens[kind], same]) if kind in tokens else same
        prompts = Prompts(tokens=tokens)
        if text:
            ids, valid = tokenise(text)
            embedded, _ = self.model.text(ids.to(self.model.device))
            prompts.text = embedded[valid][None].expand(sequences, -1, -1)
        return prompts

    def _similarity(self, answers: Mapping[str, Answer], given: Prompts, text: Sequence[str]) -> tuple[Answer, Tensor]:
        """The candidates that answer, and how well each (N, Q, O) fits: to the marks, the text, or both."""
        kind = next((kind for kind in ("stroke", "visual") if kind in given.tokens), "text")
        answer = answers[self.model.interface.answers[kind]]
        fits = []
        if kind != "text":
            fits.append(visual_similarity(answer, given.tokens[kind]))
        if text:
            ids, _ = tokenise(text)
            _, sentences = self.model.text(ids.to(self.model.device))
            worded = text_similarity(answer, sentences, self.model.text.logit_scale)
            fits.append(worded.mean(-1, keepdim=True) if kind != "text" else worded)
        if len(fits) == 1:
            return answer, fits[0]
        return answer, torch.stack([fit.softmax(1) for fit in fits]).sum(0)

    def _class_table(self) -> Tensor:
        if self._table is None:
            ids, _ = tokenise([TEMPLATE.format(name) for name in (*self.vocabulary.names, VOID)])
            self._table = self.model.text.class_table(ids[:, None].to(self.model.device))
        return self._table

    def _segment(self, region: Region) -> Segment:
        return Segment(region.mask.cpu().numpy(), self.vocabulary.names[region.label], region.score)


def _points(picture: Picture, drawn: Sequence[PromptMaps]) -> PointTokens:
    """One sequence of tokens for each object's prompts."""
    positive, negative = (
        torch.from_numpy(np.stack(regions)).to(picture.model.device)
        for regions in ([maps.on_object() for maps in drawn], [maps.negative for maps in drawn])
    )
    return picture.points(positive, negative)


def _full_size(logits: Tensor, image: Image) -> Tensor:
    return F.interpolate(logits, size=image.shape[:2], mode="bilinear", align_corners=False)


def _mean_inside(logits: Tensor) -> float:
    inside = logits > 0
    return float(logits.sigmoid()[inside].mean()) if inside.any() else 0.0
