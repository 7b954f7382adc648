"""One answer for each frame from tracking forwards and backwards: an object is followed from its nearer prompt."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence

import numpy as np

from seem_video.app.preview import Mask
from seem_video.tracking.session_file import Given, Tracked

Prompted = Mapping[int, Sequence[int]]
"""Object id to the frames of its prompts, ascending."""


def prompted_frames(prompts: Iterable[Given]) -> dict[int, list[int]]:
    """Object id to the frames of its prompts, ascending."""
    frames: dict[int, set[int]] = {}
    for given in prompts:
        frames.setdefault(given.object_id, set()).add(given.frame)
    return {object_id: sorted(own) for object_id, own in sorted(frames.items())}


def direction(frame: int, prompted: Sequence[int], known: Collection[bool]) -> bool | None:
    """The direction that an object's mask on a frame is taken from: False for forwards, True for backwards, or None.

    Known from both sides, it is taken from the side of the nearer prompt, and from forwards where both are as near.

    Args:
        frame: its number. prompted: frames of the object's prompts. known: the directions in which it was found there.
    """
    if len(known) < 2:
        return next(iter(known), None)
    before = min((frame - other for other in prompted if other <= frame), default=None)
    after = min((other - frame for other in prompted if other >= frame), default=None)
    return before is None or (after is not None and after < before)


def merge(
    frame: int, prompted: Prompted, tracked: Mapping[bool, Tracked]
) -> tuple[dict[int, Mask], dict[int, np.float32]]:
    """Masks (H, W) and scores in 0..1 by object id; where two meet, a pixel stays with the one tracked forwards.

    Args:
        frame: its number. prompted: of all objects. tracked: what was found on the frame, by direction.
    """
    chosen = _choose(frame, prompted, {backwards: found.object_ids for backwards, found in tracked.items()})
    masks: dict[int, Mask] = {}
    scores: dict[int, np.float32] = {}
    for backwards, found in sorted(tracked.items()):
        taken = np.logical_or.reduce(list(masks.values())) if masks else None
        for object_id, mask, score in zip(found.object_ids, found.masks, found.scores, strict=True):
            if chosen.get(object_id) is backwards:
                masks[object_id] = mask if taken is None else mask & ~taken
                scores[object_id] = score if masks[object_id].any() else np.float32(0)
    return masks, scores


def merge_scores(
    found: Mapping[tuple[int, bool], Mapping[int, float]], prompted: Prompted
) -> dict[int, dict[int, float]]:
    """By tracked frame the score of each object that is tracked there; `found` has them by frame and direction."""
    merged: dict[int, dict[int, float]] = {}
    for frame in sorted({frame for frame, _ in found}):
        sides = {backwards: found[frame, backwards] for backwards in (False, True) if (frame, backwards) in found}
        chosen = _choose(frame, prompted, sides)
        merged[frame] = {object_id: sides[backwards][object_id] for object_id, backwards in chosen.items()}
    return merged


def _choose(frame: int, prompted: Prompted, known: Mapping[bool, Container[int]]) -> dict[int, bool]:
    """The direction that each object is taken from, of those that are known in any."""
    chosen: dict[int, bool] = {}
    for object_id, frames in prompted.items():
        backwards = direction(frame, frames, [side for side, ids in known.items() if object_id in ids])
        if backwards is not None:
            chosen[object_id] = backwards
    return chosen
