"""A robot user that points at the objects of one image, and clicks until their masks are good enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from seem_video.evaluation.metrics import region_similarity
from seem_video.evaluation.prompts import Correction, correction_click, prompt_from_mask
from seem_video.evaluation.stills import AnnotatedImage
from seem_video.prompts import Click, Prompt

if TYPE_CHECKING:
    from seem_video.tracking.still import StillImage

MAX_CLICKS = 20
TARGETS = (0.85, 0.90)

Start = Literal["click", "box"]
"""What the user begins with: it counts as the first click."""
Mask = npt.NDArray[np.bool_]


@dataclass
class _Clicked:
    """One object, what has been clicked so far, and the IoU after each prompt."""

    truth: Mask
    prediction: Mask
    clicks: list[Correction] = field(default_factory=list)
    ious: list[float] = field(default_factory=list)

    def next_prompt(self, start: Start) -> Prompt | None:
        """The start, then a click on the largest error; None where the object is done, or nothing is left to click."""
        if len(self.ious) == MAX_CLICKS or (self.ious and self.ious[-1] >= max(TARGETS)):
            return None
        if start != "click" and not self.ious:
            return prompt_from_mask(self.truth, start)
        correction = correction_click(self.truth, self.prediction, self.clicks)
        if correction is None:
            return None
        self.clicks.append(correction)
        return Click(*correction)

    def see(self, prediction: Mask) -> None:
        self.prediction = prediction
        self.ious.append(region_similarity(self.truth, prediction))


def click_until_good(still: StillImage, annotated: AnnotatedImage, start: Start) -> dict[int, Sequence[float]]:
    """IoU after each prompt of each object of an image, which ends at the highest target or after `MAX_CLICKS`.

    The objects are separate cases, only decoded together; void pixels count for nothing.
    """
    objects = {i: _Clicked(truth, np.zeros_like(truth)) for i, truth in annotated.objects.items()}
    while prompts := {i: prompt for i, o in objects.items() if (prompt := o.next_prompt(start)) is not None}:
        for i, mask in still.prompt(prompts).items():
            objects[i].see(mask & ~annotated.void)
    return {i: o.ious for i, o in objects.items()}
