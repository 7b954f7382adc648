"""The robot user of a video: first prompts from the first annotations, then clicks where the result is worst."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from seem_video.errors import SeemVideoError
from seem_video.evaluation.davis import DavisSequence
from seem_video.evaluation.labels import read_labels
from seem_video.evaluation.prompts import MaskInit, correction_click, prompt_from_mask
from seem_video.evaluation.scores import SequenceScores
from seem_video.evaluation.texts import Expressions
from seem_video.prompts import Click, Prompt

Init = MaskInit | Literal["text"]


@dataclass(frozen=True)
class GivenPrompt:
    """A prompt for one object on one frame, by its index in the sequence."""

    prompt: Prompt
    object_id: int
    frame: int

    def __str__(self) -> str:
        return f"object {self.object_id}, frame {self.frame}: {self.prompt}"


def first_prompts(sequence: DavisSequence, init: MaskInit | Expressions) -> list[GivenPrompt]:
    """One prompt an object, made of its mask or taken from expressions, on the first frame in which it has a mask.

    Raises SeemVideoError where the first annotation is empty, an expression is missing, and where a frame has an
    annotation but no image.
    """
    if sequence.objects == 0:
        raise SeemVideoError(
            f"Sequence {sequence.name} has no object in its first annotation; take it off the list"
            " (for 0/255 masks in the form of DAVIS 2016, take year 2016)."
        )
    waiting, given = set(range(1, sequence.objects + 1)), []
    for annotation in sequence.annotations:
        truth, _ = sequence.truth(annotation)
        for i in sorted(waiting & set(np.unique(truth).tolist())):
            prompt = _text(init, sequence, i) if isinstance(init, Expressions) else prompt_from_mask(truth == i, init)
            given.append(GivenPrompt(prompt, i, frame_index(sequence, annotation)))
            waiting.discard(i)
        if not waiting:
            break
    return given


def corrections(sequence: DavisSequence, masks: Path, scores: SequenceScores) -> Iterator[GivenPrompt]:
    """One click an object at its largest error, on the evaluated frame whose mean J over the objects is lowest.

    `masks` is the folder of the sequence's results that `scores` belongs to. Nothing where all is right.
    """
    worst = int(np.argmin(np.mean([o.j for o in scores.objects], axis=0)))
    annotation = sequence.evaluated[worst]
    truth, _ = sequence.truth(annotation)
    prediction = read_labels(masks / sequence.result_name(annotation))
    for i in range(1, sequence.objects + 1):
        if correction := correction_click(truth == i, prediction == i):
            yield GivenPrompt(Click(*correction), i, frame_index(sequence, annotation))


def frame_index(sequence: DavisSequence, annotation: Path) -> int:
    """The index of the frame that an annotation belongs to; raises SeemVideoError where there is no such frame."""
    stems = [path.stem for path in sequence.frames]
    if annotation.stem not in stems:
        raise SeemVideoError(
            f"Sequence {sequence.name}, frame {annotation.stem}: there is no JPEG in {sequence.images}."
        )
    return stems.index(annotation.stem)


def _text(expressions: Expressions, sequence: DavisSequence, object_id: int) -> Prompt:
    from seem_video.prompts import Text

    return Text(expressions.of(sequence.name, object_id))
