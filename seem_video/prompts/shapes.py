"""The prompts as frozen dataclasses, in pixels of the displayed frame or in percent of it.

x runs right, y runs down, and a pixel is named by whole numbers from 0. A fraction is refused rather than guessed at:
0.5 could be half a pixel or half the frame. A place relative to the frame is written `Percent(50)`, in words `50%`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError


@dataclass(frozen=True)
class Percent:
    """A coordinate relative to the frame: 0 is its first pixel, 100 its last.

    Raises:
        SeemVideoError: outside 0..100.
    """

    value: float

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 100:
            raise SeemVideoError(f"{self} lies outside the frame; percentages run from 0% to 100%.")

    def __str__(self) -> str:
        return f"{self.value:g}%"


@dataclass(frozen=True)
class Seconds:
    """A moment of the video: the frame on display `value` seconds after its beginning.

    Raises:
        SeemVideoError: negative or not finite.
    """

    value: float

    def __post_init__(self) -> None:
        if not 0 <= self.value < float("inf"):
            raise SeemVideoError(f"{self} is no moment of a video; times count from 0s.")

    def __str__(self) -> str:
        return f"{self.value:g}s"


Coordinate: TypeAlias = int | Percent
Point: TypeAlias = tuple[Coordinate, Coordinate]


@dataclass(frozen=True)
class Click:
    """A point on the object, or with `positive=False` a point that is not of it."""

    x: Coordinate
    y: Coordinate
    positive: bool = True

    def __post_init__(self) -> None:
        _refuse_fractions(self, self.x, self.y)

    def __str__(self) -> str:
        return f"click {self.x},{self.y}" + ("" if self.positive else ",-")


@dataclass(frozen=True)
class Box:
    """A rectangle around the object: (x0, y0) its top left pixel, (x1, y1) its bottom right one, both included."""

    x0: Coordinate
    y0: Coordinate
    x1: Coordinate
    y1: Coordinate

    def __post_init__(self) -> None:
        _refuse_fractions(self, self.x0, self.y0, self.x1, self.y1)

    def __str__(self) -> str:
        return f"box {self.x0},{self.y0},{self.x1},{self.y1}"


@dataclass(frozen=True)
class Scribble:
    """A stroke through `points` over the object, or with `positive=False` over what is not of it."""

    points: Sequence[Point]
    positive: bool = True

    def __post_init__(self) -> None:
        _freeze_points(self, at_least=1)

    def __str__(self) -> str:
        return f"scribble {_words(self.points)}" + ("" if self.positive else ";-")


@dataclass(frozen=True)
class Polygon:
    """The object's outline; the last point joins the first, and the inside becomes its mask."""

    points: Sequence[Point]

    def __post_init__(self) -> None:
        _freeze_points(self, at_least=3)

    def __str__(self) -> str:
        return f"polygon {_words(self.points)}"


@dataclass(frozen=True, eq=False)
class MaskPrompt:
    """The object's mask on the prompt's frame, (H, W) bool of the displayed frame's size."""

    mask: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.mask.ndim != 2 or self.mask.dtype != np.bool_:
            raise SeemVideoError(
                f"A mask prompt is an (H, W) bool array, and this one is {self.mask.dtype} of shape {self.mask.shape}; "
                "write for example MaskPrompt(array > 0)."
            )

    def __str__(self) -> str:
        height, width = self.mask.shape
        return f"mask of {width}x{height}"


VisualPrompt: TypeAlias = Click | Box | Scribble | Polygon | MaskPrompt
"""What is drawn on an image."""


@dataclass(frozen=True)
class Text:
    """The object in words, such as "the brown dog"; for models with a text encoder.

    Raises:
        SeemVideoError: there is no word in it, or what is no character.
    """

    words: str

    def __post_init__(self) -> None:
        if not self.words.strip():
            raise SeemVideoError("A text prompt is empty; name what to look for, for example a brown dog.")
        _refuse_unwritable(self.words, "text prompt")

    def __str__(self) -> str:
        return f"text '{self.words}'"


@dataclass(frozen=True, eq=False)
class Reference:
    """Another image, (H, W, 3) uint8 RGB, and what is drawn on the object there; for the released models.

    Raises:
        SeemVideoError: an image of another form, or nothing drawn on it.
    """

    image: npt.NDArray[np.uint8]
    region: Sequence[VisualPrompt]
    name: str = "reference image"

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise SeemVideoError(
                f"The {self} is {self.image.dtype} of shape {self.image.shape}; give it as (H, W, 3) uint8 RGB."
            )
        object.__setattr__(self, "region", tuple(self.region))
        if not self.region:
            raise SeemVideoError(f"The {self} has no region; mark the object in it, for example with a mask or a box.")

    def __str__(self) -> str:
        return self.name


Prompt: TypeAlias = VisualPrompt | Text | Reference


@dataclass(frozen=True)
class PromptEntry:
    """A prompt, whose it is and when it is given.

    Attributes:
        prompt: what points at the object.
        object_id: the object's number, 1 to 255.
        at: the frame it is given on, as its index in the source or as a time; None for the first frame that is tracked.
        label: the object's name on the overlay; None for the words of its text prompt, or else its number.

    Raises:
        SeemVideoError: an object number outside 1..255, a negative frame, or a label of what is no character.
    """

    prompt: Prompt
    object_id: int = 1
    at: int | Seconds | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.object_id <= 255:
            raise SeemVideoError(f"Object {self.object_id} cannot be; objects are numbered from 1 to 255.")
        for name in ("object_id", "at"):  # the ids in a mask are NumPy's numbers, which JSON does not take
            if isinstance(number := getattr(self, name), np.integer):
                object.__setattr__(self, name, int(number))
        if isinstance(self.at, int) and self.at < 0:
            raise SeemVideoError(f"Frame {self.at} cannot be; frames count from 0.")
        if self.label is not None:
            _refuse_unwritable(self.label, "label")


def _refuse_unwritable(words: str, what: str) -> None:
    """Control characters and halves of characters have no place in a file of annotations."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in words):
        raise SeemVideoError(f"The {what} {words!a} holds what is no character of a text; write it anew.")


def _refuse_fractions(prompt: Prompt, *coordinates: object) -> None:
    for value in coordinates:
        if not isinstance(value, int | np.integer | Percent):
            raise SeemVideoError(
                f"The {prompt} has the coordinate {value}, but pixels are whole numbers; "
                "write a place relative to the frame in percent, such as 50%,40% (in Python Percent(50), Percent(40))."
            )


def _freeze_points(prompt: Scribble | Polygon, at_least: int) -> None:
    object.__setattr__(prompt, "points", tuple((x, y) for x, y in prompt.points))
    if len(prompt.points) < at_least:
        name = type(prompt).__name__.lower()
        raise SeemVideoError(f"The {prompt} has {len(prompt.points)} points; a {name} needs at least {at_least}.")
    _refuse_fractions(prompt, *(value for point in prompt.points for value in point))


def _words(points: Sequence[Point]) -> str:
    return ";".join(f"{x},{y}" for x, y in points)
