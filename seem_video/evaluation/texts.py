"""Referring expressions: words for the objects of DAVIS, which carries none itself.

The file is that of Khoreva et al., "Video Object Segmentation with Language Referring Expressions" (ACCV 2018), such as
Davis17_annot1.txt: one line an object, `<sequence> <id> "<words>"`. A line without an id means object 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seem_video.errors import SeemVideoError

WHERE_FROM = (
    "https://www.mpi-inf.mpg.de/departments/computer-vision-and-machine-learning/research/video-segmentation/"
    "video-object-segmentation-with-language-referring-expressions"
)
_LINE = re.compile(r'(?P<sequence>\S+)\s+(?:(?P<id>\d+)\s+)?"?(?P<words>[^"]*[^"\s])"?')


@dataclass(frozen=True)
class Expressions:
    """The words of a file of expressions, by sequence and object id."""

    path: Path
    words: Mapping[tuple[str, int], str]

    @classmethod
    def read(cls, path: Path) -> Expressions:
        """Reads a file; raises SeemVideoError for a line of another form, and a second line for one object."""
        words: dict[tuple[str, int], str] = {}
        for number, line in enumerate(_read(path).splitlines(), start=1):
            if not line.strip():
                continue
            match = _LINE.fullmatch(line.strip())
            if match is None:
                raise SeemVideoError(f'Line {number} of {path} is no expression; write it as: dog 1 "a brown dog".')
            sequence, object_id = match["sequence"], int(match["id"] or 1)
            if (sequence, object_id) in words:
                raise SeemVideoError(
                    f"Line {number} of {path} is the second for sequence {sequence}, object {object_id}; keep one."
                )
            words[sequence, object_id] = match["words"]
        return cls(path, words)

    def of(self, sequence: str, object_id: int) -> str:
        """The words for an object; raises SeemVideoError where the file has none."""
        if (sequence, object_id) not in self.words:
            raise SeemVideoError(
                f"Sequence {sequence}, object {object_id}: {self.path} has no expression for it;"
                f' add a line such as: {sequence} {object_id} "a brown dog".'
            )
        return self.words[sequence, object_id]


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SeemVideoError(
            f"{path} cannot be read ({error.strerror}); expressions for DAVIS are had from {WHERE_FROM}."
        ) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:  # the second annotator's files
        return data.decode("latin-1")
