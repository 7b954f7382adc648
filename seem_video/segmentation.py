"""One image, segmented: what prompts, words or another image point at, or everything with labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from seem_video.errors import SeemVideoError
from seem_video.model.classes import class_table
from seem_video.model.picture import Picture
from seem_video.model.query_decoder import Prompts
from seem_video.model.released import ReleasedSEEM
from seem_video.model.search import find, read_prompts
from seem_video.model.semantics import Region, instances, is_certain, panoptic, semantic
from seem_video.model.vocabulary import COCO, Vocabulary
from seem_video.prompts import Prompt, Text, rasterise

Image = npt.NDArray[np.uint8]
Task = Literal["panoptic", "instance", "semantic"]


@dataclass(frozen=True)
class Segment:
    """One region of an image.

    Attributes:
        object_id: the object's number; of everything, the rank by score from 1, or in semantic output the number of
            its class from 1.
        mask: (H, W) bool.
        label: its class; of a prompted object the words it was named with, or else its number.
        score: 0 to 1, class probability, mean probability inside the mask, or the product of both (instances).
    """

    object_id: int
    mask: npt.NDArray[np.bool_]
    label: str
    score: float


class ImageSegmenter:
    """Segments images with a released model; the table of the vocabulary's classes is made once, when it is needed."""

    def __init__(self, model: ReleasedSEEM, vocabulary: Vocabulary = COCO) -> None:
        self.model = model
        self.vocabulary = vocabulary
        self._table: Tensor | None = None

    @torch.inference_mode()
    def everything(self, image: Image, task: Task = "panoptic") -> list[Segment]:
        """All regions of an image (H, W, 3) uint8 RGB, each of a class of the vocabulary.

        Panoptic regions do not overlap; instances may, and are things only; semantic regions are all that is of one
        class.
        """
        classes, masks = self.candidates(image)
        if task == "panoptic":
            kept = is_certain(classes)
            classes, masks = classes[kept], masks[kept]
        if not len(masks):
            return []
        full = self._published_resize(masks, image)
        if task == "semantic":
            return [self._segment(region.label + 1, region) for region in semantic(classes, full)]
        is_stuff = [name in self.vocabulary.stuff for name in self.vocabulary.names]
        regions = (instances if task == "instance" else panoptic)(classes, full, is_stuff)
        ranked = sorted(regions, key=lambda region: -region.score)
        return [self._segment(rank, region) for rank, region in enumerate(ranked, start=1)]

    @torch.inference_mode()
    def candidates(self, image: Image) -> tuple[Tensor, Tensor]:
        """Class logits (Q, K + 1), void last, and mask logits (Q, h, w) at stride 4, of an image (H, W, 3) uint8."""
        picture = Picture.encode(self.model, image)
        answer = self.model.decode(picture.features, picture.owner(1), Prompts())["object"]
        classes = self.model.text.classify(answer.captions, self._class_table())[0]
        return classes, picture.masks(answer.embeddings)[0]

    @torch.inference_mode()
    def prompted(
        self, image: Image, prompts: Mapping[int, Sequence[Prompt]], *, classify: bool = False
    ) -> list[Segment]:
        """What is pointed at, named or shown in other images, one region an object.

        Args:
            image: (H, W, 3) uint8 RGB.
            prompts: object id to its prompts, of which all that are given count together.
            classify: name objects without words by their class of the vocabulary.

        Raises:
            SeemVideoError: nothing is asked for, or a prompt does not fit its image or marks no object.
        """
        if not any(prompts.values()):
            raise SeemVideoError("Nothing says what to segment; give a prompt, a text or a reference image.")
        picture = Picture.encode(self.model, image)
        drawn = [rasterise(given, *image.shape[:2]) for given in prompts.values()]
        found = find(picture, read_prompts(picture, drawn))
        names = [str(object_id) for object_id in prompts]
        if classify:
            classes = self.model.text.classify(found.captions, self._class_table())[:, :-1].argmax(-1)
            names = [self.vocabulary.names[label] for label in classes.tolist()]
        masks = _resize(found.logits[None], image.shape[:2])[0]
        return [
            Segment(object_id, (mask > 0).cpu().numpy(), _said(given) or name, _mean_inside(mask))
            for (object_id, given), name, mask in zip(prompts.items(), names, masks, strict=True)
        ]

    def _published_resize(self, masks: Tensor, image: Image) -> Tensor:
        """Logits (Q, h, w) at the image's size: to what the model saw bilinearly, from there bicubically."""
        seen = _resize(masks[None], self.model.input_size(*image.shape[:2]))
        return F.interpolate(seen, size=image.shape[:2], mode="bicubic", antialias=True)[0]

    def _class_table(self) -> Tensor:
        if self._table is None:
            self._table = class_table(self.model, self.vocabulary.names)
        return self._table

    def _segment(self, object_id: int, region: Region) -> Segment:
        return Segment(object_id, region.mask.cpu().numpy(), self.vocabulary.names[region.label], region.score)


def _said(prompts: Sequence[Prompt]) -> str:
    return ", ".join(prompt.words for prompt in prompts if isinstance(prompt, Text))


def _resize(logits: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=False)


def _mean_inside(logits: Tensor) -> float:
    inside = logits > 0
    return float(logits.sigmoid()[inside].mean()) if inside.any() else 0.0
