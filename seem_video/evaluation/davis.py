"""The DAVIS dataset on disk: which sequences a set has, which frames count, what their annotations say.

Layout (https://davischallenge.org), also of partial copies:

    JPEGImages/480p/<sequence>/00000.jpg ...
    Annotations/480p/<sequence>/00000.png ...       (Annotations_unsupervised for the unsupervised task)
    ImageSets/<year>/<set>.txt                      one sequence a line (2016 also: ImageSets/480p/<set>.txt)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError
from seem_video.evaluation.labels import VOID, Labels, read_labels
from seem_video.io.images import natural_key

Task = Literal["semi-supervised", "unsupervised"]

YEARS = (2016, 2017)
WHERE_FROM = (
    "DAVIS is had from https://davischallenge.org (DAVIS-2017-trainval-480p.zip serves both years) and unpacks to"
    " JPEGImages/480p/<sequence>/*.jpg, Annotations/480p/<sequence>/*.png and ImageSets/<year>/<set>.txt"
)


@dataclass(frozen=True)
class DavisSequence:
    """One annotated sequence.

    Attributes:
        name: its folder's name.
        annotations: the annotation PNGs, sorted as text.
        images: the folder of its frames.
        task, year: the protocol, which decides what counts as an object and as void.
    """

    name: str
    annotations: tuple[Path, ...]
    images: Path
    task: Task
    year: int

    @property
    def evaluated(self) -> tuple[Path, ...]:
        """Annotations of the frames that count: all but first and last, or all in the unsupervised task."""
        return self.annotations if self.task == "unsupervised" else self.annotations[1:-1]

    @cached_property
    def frames(self) -> tuple[Path, ...]:
        """The JPEG frames, in the order in which a reader shows them; the first has index 0."""
        return tuple(sorted(self.images.glob("*.jpg"), key=natural_key))

    @cached_property
    def objects(self) -> int:
        """How many objects are scored: the largest id of the first annotation, gaps included."""
        return int(self.truth(self.annotations[0])[0].max(initial=0))

    def truth(self, annotation: Path) -> tuple[Labels, npt.NDArray[np.bool_] | None]:
        """The ids of an annotation, (H, W), with void as background, and where void is, (H, W) bool, if anywhere.

        In 2016 every non-zero pixel is object 1, and there is no void.
        """
        labels = read_labels(annotation)
        if self.year == 2016:
            return (labels != 0).view(np.uint8), None
        if labels.max(initial=0) < VOID:
            return labels, None
        void = labels == VOID
        return np.where(void, 0, labels), void

    @staticmethod
    def result_name(frame: Path) -> str:
        """The file name of a frame's result: the official evaluator drops dots from the frame's name, so we do."""
        return f"{frame.stem.replace('.', '')}.png"

    def check(self) -> None:
        """Raises SeemVideoError for a sequence the protocol cannot score: too short, or files that do not match."""
        images, annotations = len(self.frames), len(self.annotations)
        if not self.evaluated:
            raise SeemVideoError(
                f"Sequence {self.name} has {annotations} annotated frames; the {self.task} task leaves out the first"
                " and the last, so it needs 3 (test sets come with first annotations only and cannot be scored)."
            )
        if not 1 <= images <= annotations:
            raise SeemVideoError(
                f"Sequence {self.name} has {images} frames in {self.images} but {annotations} annotations; copy both"
                " folders of the sequence again."
            )


@dataclass(frozen=True)
class DavisDataset:
    """A set of DAVIS sequences, as far as they are present on this disk.

    Attributes:
        root: the dataset's folder.
        set_name: the list it came from, such as val.
        sequences: those whose annotations are present, in the list's order.
        missing: names of those that are listed but not present.
    """

    root: Path
    year: int
    set_name: str
    task: Task
    sequences: tuple[DavisSequence, ...]
    missing: tuple[str, ...]

    @property
    def title(self) -> str:
        """What results on this data may be called: the set's name, with `-partial` when sequences are missing."""
        return f"{self.set_name}-partial" if self.missing else self.set_name

    @classmethod
    def open(
        cls, root: str | Path, *, year: int = 2017, set_name: str = "val", task: Task = "semi-supervised"
    ) -> DavisDataset:
        """Finds the sequences of a set; a partial copy gives those it has.

        Raises SeemVideoError for a folder that is no DAVIS, an unknown year, set or task, an empty line in the list,
        and when no listed sequence is present.
        """
        root = Path(root)
        annotations = root / ("Annotations_unsupervised" if task == "unsupervised" else "Annotations") / "480p"
        _check_protocol(year, task)
        if not annotations.is_dir():
            raise SeemVideoError(f"{annotations} is not a folder, so {root} is no copy of DAVIS. {WHERE_FROM}.")
        names = _read_set(root, year, set_name)
        files = {name: tuple(sorted((annotations / name).glob("*.png"))) for name in names}
        sequences = tuple(
            DavisSequence(name, found, root / "JPEGImages" / "480p" / name, task, year)
            for name, found in files.items()
            if found
        )
        if not sequences:
            raise SeemVideoError(
                f"None of the {len(names)} sequences of set {set_name} is in {annotations}. {WHERE_FROM}."
            )
        return cls(root, year, set_name, task, sequences, tuple(name for name in names if not files[name]))


def _check_protocol(year: int, task: str) -> None:
    if year not in YEARS:
        raise SeemVideoError(f"There is no DAVIS {year} protocol here; choose 2016 (one object) or 2017.")
    if task not in ("semi-supervised", "unsupervised"):
        raise SeemVideoError(f"There is no task named {task}; choose semi-supervised or unsupervised.")
    if year == 2016 and task == "unsupervised":
        raise SeemVideoError("The unsupervised task is defined for DAVIS 2017 only; drop the task or take year 2017.")


def _read_set(root: Path, year: int, set_name: str) -> list[str]:
    """The sequence names of a set, each once, in the list's order."""
    folders = [root / "ImageSets" / str(year)] + [root / "ImageSets" / "480p"] * (year == 2016)
    path = next((f / f"{set_name}.txt" for f in folders if (f / f"{set_name}.txt").is_file()), None)
    if path is None:
        known = sorted({p.stem for f in folders for p in f.glob("*.txt")})
        listed = f"sets there: {', '.join(known)}" if known else WHERE_FROM
        raise SeemVideoError(f"There is no set {set_name} of year {year} in {folders[0]}; {listed}.")
    lines = [line.strip() for line in path.read_text().splitlines()]
    if not lines:
        raise SeemVideoError(f"{path} lists no sequence; write one name a line.")
    if "" in lines:
        raise SeemVideoError(f"Line {lines.index('') + 1} of {path} is empty; write one sequence name a line.")
    if path.parent.name == "480p":  # DAVIS 2016's own lists: "/JPEGImages/480p/bear/00000.jpg /Annotations/..."
        lines = [Path(line.split()[0]).parent.name for line in lines]
    return list(dict.fromkeys(lines))
