"""Pictures of frames for the browser: masks and prompts drawn, each a file of its own, the older ones removed."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import cv2

from seem_video.io.overlay import draw_overlay
from seem_video.io.palette import Color
from seem_video.prompts import PromptEntry
from seem_video.results import FrameResult

_KEPT = 6  # a browser may still be fetching one that is no longer shown
_JPEG_QUALITY = 90


class Pictures:
    """The last few pictures drawn, under names that never come again: no browser takes one for another."""

    def __init__(self, folder: Path) -> None:
        """Args: folder: where they are written."""
        self._folder = folder
        self._paths: deque[Path] = deque()
        self._drawn = 0

    def draw(
        self,
        result: FrameResult,
        given: Iterable[PromptEntry],
        *,
        hidden: Collection[int],
        colors: Mapping[int, Color],
    ) -> Path:
        """Write a frame as a JPEG and return its path.

        Args:
            result: the frame with its masks. given: prompts on it. hidden: ids of the objects that are left out.
            colors: object id to its colour, of those for which another one than the palette's was chosen.
        """
        seen = [i for i, object_id in enumerate(result.object_ids) if object_id not in hidden]
        shown = replace(
            result,
            object_ids=tuple(result.object_ids[i] for i in seen),
            masks=result.masks[seen],
            scores=result.scores[seen],
            labels=tuple(result.labels[i] for i in seen),
        )
        drawn = draw_overlay(shown, [entry for entry in given if entry.object_id not in hidden], colors)
        self._drawn += 1
        path = self._folder / f"view-{self._drawn}.jpg"
        cv2.imwrite(str(path), cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        self._paths.append(path)
        if len(self._paths) > _KEPT:
            self._paths.popleft().unlink()
        return path
