"""The mask shown at once is the tracker's, whatever the model and the prompts.

In full precision: a frame in view is encoded by all threads, one that is tracked by fewer, which AVX-512 makes
round differently, and 8 bits make more of that.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import moving_square, write_clip
from tiny import INTERFACE_OF, filled

from seem_video import Box, Click, MaskPrompt, Reference, Scribble, Text, load_model
from seem_video.app.models import takes_words
from seem_video.app.work import Work
from seem_video.model.architecture import build_filled
from seem_video.model.query_decoder import INTERFACES
from seem_video.prompts import Prompt

_MASK = np.zeros((64, 96), bool)
_MASK[18:42, 8:32] = True


def _same_as_tracked(clip: Path, folder: Path, model, given: list[Prompt]) -> bool:
    folder.mkdir()
    work = Work(clip, model, folder)
    for prompt in given:
        work.add(prompt, object_id=1, frame=0)
    seen, tracked = work.look(0), next(work.track())
    work.close()
    return bool(np.array_equal(seen.masks, tracked.masks) and np.allclose(seen.scores, tracked.scores, atol=1e-5))


@pytest.mark.parametrize(
    "given",
    [
        [Click(20, 30), Click(60, 50, positive=False), Click(24, 34)],
        [Box(8, 18, 32, 42), Scribble([(60, 50), (80, 50)], positive=False)],
        [MaskPrompt(_MASK)],
        [MaskPrompt(_MASK), Click(60, 50), Click(62, 52)],
    ],
)
def test_a_compact_model(clip: Path, tmp_path: Path, given: list[Prompt]):
    assert _same_as_tracked(clip, tmp_path / "work", load_model(device="cpu", precision="fp32"), given)


def test_a_released_model_by_words_pictures_and_clicks(tmp_path: Path):
    model = build_filled(filled("tiny_focal", vocabulary=49_408, context=77), INTERFACES[INTERFACE_OF["tiny_focal"]])
    assert takes_words(model)
    clip = write_clip(tmp_path / "clip.mp4", moving_square(2))
    reference = Reference(moving_square(1)[0], [Box(8, 18, 32, 42)])
    for i, given in enumerate(([Text("a red square")], [reference], [Click(20, 30), Click(60, 50, positive=False)])):
        assert _same_as_tracked(clip, tmp_path / f"work {i}", model, given)
