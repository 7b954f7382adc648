"""A robot user that clicks the objects of one image until their masks are good enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seem_video.evaluation.metrics import region_similarity
from seem_video.evaluation.prompts import Correction, correction_click
from seem_video.evaluation.stills import AnnotatedImage
from seem_video.prompts import Click

if TYPE_CHECKING:
    from seem_video.tracking.still import StillImage

MAX_CLICKS = 20
TARGETS = (0.85, 0.90)

Mask = npt.NDArray[np.bool_]


@dataclass
class _Clicked:
    """One object, what has been clicked so far, and the IoU after each click."""

    truth: Mask
    prediction: Mask
    clicks: list[Correction] = field(default_factory=list)
    ious: list[float] = field(default_factory=list)

    def click(self) -> bool:
        """Clicks the largest error; False where the object is done, or nothing is left to click."""
        if len(self.ious) == MAX_CLICKS or (self.ious and self.ious[-1] >= max(TARGETS)):
            return False
        correction = correction_click(self.truth, self.prediction, self.clicks)
        if correction is None:
            return False
        self.clicks.append(correction)
        return True

    def see(self, prediction: Mask) -> None:
        self.prediction = prediction
        self.ious.append(region_similarity(self.truth, prediction))


def click_until_good(still: StillImage, annotated: AnnotatedImage) -> dict[int, Sequence[float]]:
    """IoU after each click on each object of an image; clicking ends at the highest target or after `MAX_CLICKS`.

    The objects are separate cases, only decoded together; void pixels count for nothing.
    """
    objects = {i: _Clicked(truth, np.zeros_like(truth)) for i, truth in annotated.objects.items()}
    waiting = objects
    while waiting := {i: o for i, o in waiting.items() if o.click()}:
        masks = still.click({i: Click(*o.clicks[-1]) for i, o in waiting.items()})
        for i, o in waiting.items():
            o.see(masks[i] & ~annotated.void)
    return {i: o.ious for i, o in objects.items()}
