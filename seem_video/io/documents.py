"""Annotation files that other tools import, composed at the end from the frames kept on disk meanwhile.

What their heads and orders ask for (all categories first, all frames of one object together) is known only after the
last frame; so each frame's entry goes to a spool file, and memory stays constant.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

from seem_video.io.frame import SourceInfo
from seem_video.io.output import Shot
from seem_video.io.run_lengths import Rle
from seem_video.io.staging import Staged, remove


class Region(NamedTuple):
    """An object where it is visible in a frame: run lengths, predicted IoU, [x, y, width, height], pixels."""

    object_id: int
    rle: Rle
    score: float
    box: list[int]
    area: int


class Document(ABC):
    """A file composed of all frames' masks.

    Attributes:
        info: the source.
        indices: the source indices of the frames, in order.
        labels: object id to name.
    """

    def __init__(self, staged: Staged, info: SourceInfo) -> None:
        self.staged = staged
        self.info = info
        self.indices: list[int] = []
        self.labels: dict[int, str] = {}
        self._spool = staged.beside(".frames")
        self._file = self._spool.open("wb")

    @abstractmethod
    def compose(self) -> Iterator[str]:
        """Yields the file's text, piece by piece."""

    def write(self, shot: Shot) -> None:
        result = shot.result
        self.labels.update(zip(result.object_ids, result.labels, strict=True))
        self._file.write(json.dumps(shot.entry["objects"]).encode() + b"\n")
        self.indices.append(result.index)

    def close(self) -> bool:
        self._file.close()
        if self.indices:
            with self.staged.part.open("w", encoding="utf-8") as file:
                file.writelines(self.compose())
        remove(self._spool)
        return bool(self.indices)

    def salvage(self) -> bool:
        try:
            return self.close()
        except OSError:  # no room for it; masks.json, which is written as frames come, is what can be kept
            remove(self.staged.part)
            remove(self._spool)
            return False

    def frames(self) -> Iterator[tuple[int, list[Region]]]:
        """Yields each frame's index and its visible objects; as often as asked."""
        with self._spool.open(encoding="utf-8") as lines:
            for index, line in zip(self.indices, lines, strict=False):
                yield index, [_region(key, value) for key, value in json.loads(line).items() if value["area"]]

    def categories(self) -> dict[str, int]:
        """Each distinct name of an object to a number, from 1, in the order of the objects' ids."""
        names = dict.fromkeys(label for _, label in sorted(self.labels.items()))
        return {name: number for number, name in enumerate(names, start=1)}


def frame_file(index: int) -> str:
    """The name by which annotation files call a frame."""
    return f"{index:05d}.jpg"


def _region(key: str, value: dict[str, Any]) -> Region:
    return Region(int(key), value["rle"], value["score"], value["box"], value["area"])
