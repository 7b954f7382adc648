"""From words to prompts: the command line's options, in the order they were given, and the JSON file.

The JSON file is a list of prompts, each an object with one of the keys `click`, `box`, `scribble`, `polygon`, `mask`::

    [
      {"click": [320, 240]},
      {"click": ["50%", "40%"], "positive": false},
      {"box": [10, 20, 110, 220], "object": 2, "label": "dog"},
      {"scribble": [[10, 10], [30, 12]], "positive": false, "object": 2, "at": 30},
      {"polygon": [[0, 0], [40, 0], [40, 40]], "object": 3, "at": "1.5s"},
      {"mask": "first.png", "at": 60}
    ]

Coordinates are whole pixels or strings in percent; `object` (1), `at` (the first frame tracked), `label` and, for
clicks and scribbles, `positive` (true) may be left out; a mask's path is relative to the JSON file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from seem_video.errors import SeemVideoError
from seem_video.prompts.shapes import (
    Box,
    Click,
    Coordinate,
    MaskPrompt,
    Percent,
    Point,
    Polygon,
    Prompt,
    PromptEntry,
    Scribble,
    Seconds,
)

_BINARY = 255  # the value that marks the object in a mask of 0 and 255, and pixels to ignore in an indexed one
_MOST_IDS = 64  # a mask with more ids is a photograph or a mask with soft edges
_KINDS = ("click", "box", "scribble", "polygon", "mask")


def read_options(options: Iterable[tuple[str, str]]) -> list[PromptEntry]:
    """The prompts of a command line.

    Args:
        options: (name, value) pairs in the order of the command line, the names without dashes: `object` and `at` hold
            for what follows them; `click`, `click-neg`, `box`, `scribble`, `polygon` and `mask` are prompts, where `N:`
            before the value names the object of this one alone; `prompts` is a JSON file that stands for itself.

    Raises:
        SeemVideoError: a value that cannot be read, quoted with the form it should have.
    """
    entries: list[PromptEntry] = []
    object_id: int | None = None
    at: int | Seconds | None = None
    for name, value in options:
        if name == "object":
            object_id = _parse_whole(value, "object", "--object 2")
        elif name == "at":
            at = _parse_at(value)
        elif name == "prompts":
            entries += load_prompts(Path(value))
        else:
            own_id, words = _split_object(value)
            chosen = object_id if own_id is None else own_id
            entries += [PromptEntry(p, i, at) for i, p in _parse_prompt(name, words, chosen)]
    return entries


def load_prompts(path: Path) -> list[PromptEntry]:
    """The prompts of a JSON file; its schema is this module's docstring.

    Raises:
        SeemVideoError: a file that is missing, no JSON or of another form, with the number of the prompt at fault.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SeemVideoError(f"The prompts file '{path}' cannot be read ({error.strerror}); check its path.") from error
    except ValueError as error:
        raise SeemVideoError(f"The prompts file '{path}' is not JSON ({error}); write a list of prompts.") from error
    if not isinstance(rows, list) or not rows:
        raise SeemVideoError(f"The prompts file '{path}' is no list of prompts such as [{{\"click\": [320, 240]}}].")
    return parse_rows(rows, path.parent, f"'{path}'")


def parse_rows(rows: Iterable[Any], folder: Path, where: str) -> list[PromptEntry]:
    """The prompts of rows as a JSON file has them, with paths relative to `folder`.

    Raises:
        SeemVideoError: a row of another form, with its number and `where` it was.
    """
    entries: list[PromptEntry] = []
    for number, row in enumerate(rows, start=1):
        try:
            entries += _entries_of_row(row, folder)
        except SeemVideoError as error:
            raise SeemVideoError(f"In {where}, prompt {number}: {error}") from error
    return entries


def read_mask(path: Path, object_id: int | None = None) -> list[tuple[int, MaskPrompt]]:
    """The masks of an image file: one object for 0 and 255 (or one other value), else one object an id, 255 ignored.

    Args:
        path: a palette or gray image; a colour image is taken where its channels are equal.
        object_id: the object of a mask that holds one; None for 1 (a mask of 0 and 255) or the value itself.

    Returns:
        (object id, mask) pairs, ascending.

    Raises:
        SeemVideoError: a file that is missing, no image, in colour, empty, with too many values, or with several
            objects where `object_id` asks for one.
    """
    values = _read_ids(path)
    ids = [int(value) for value in np.unique(values) if value != 0]
    if not ids:
        raise SeemVideoError(f"The mask '{path}' is empty; give one that marks at least one pixel of the object.")
    if len(ids) == 1:
        own = 1 if ids[0] == _BINARY else ids[0]
        return [(own if object_id is None else object_id, MaskPrompt(values != 0))]
    if len(ids) > _MOST_IDS:
        raise SeemVideoError(f"The mask '{path}' has {len(ids)} values; save it with 0 and 255, or one id an object.")
    ids = [value for value in ids if value != _BINARY]
    if object_id is not None and len(ids) > 1:
        raise SeemVideoError(
            f"The mask '{path}' holds {len(ids)} objects, but it was given for object {object_id}; "
            "leave the object's number out, and each id becomes its own object."
        )
    return [(value if object_id is None else object_id, MaskPrompt(values == value)) for value in ids]


def _read_ids(path: Path) -> npt.NDArray[np.integer[Any]]:
    try:
        with Image.open(path) as image:
            values = np.asarray(image.convert("L") if image.mode == "1" else image)
    except UnidentifiedImageError as error:
        raise SeemVideoError(f"The mask '{path}' is no image; give a PNG of 0 and 255, or one id an object.") from error
    except OSError as error:
        raise SeemVideoError(f"The mask '{path}' cannot be read ({error.strerror or error}); check it.") from error
    if values.ndim == 3:
        colours = values[..., : 1 if values.shape[2] == 2 else 3]
        if (colours != colours[..., :1]).any():
            raise SeemVideoError(f"The mask '{path}' is in colour; give a PNG of 0 and 255, or one id an object.")
        values = colours[..., 0]
    return values


def _parse_prompt(name: str, words: str, object_id: int | None) -> list[tuple[int, Prompt]]:
    if name == "mask":
        return list(read_mask(Path(words), object_id))
    return [(1 if object_id is None else object_id, _parse_shape(name, words))]


def _parse_shape(name: str, words: str) -> Prompt:
    if name == "click":
        place, positive = _split_sign(words, ",")
        return Click(*_parse_point(place, "click", "x,y or x,y,-", words), positive)
    if name == "click-neg":
        return Click(*_parse_point(words, "click-neg", "x,y", words), positive=False)
    if name == "box":
        x0, y0, x1, y1 = _parse_coordinates(words, 4, "box", "x0,y0,x1,y1", words)
        return Box(x0, y0, x1, y1)
    if name == "scribble":
        stroke, positive = _split_sign(words, ";")
        return Scribble(_parse_points(stroke, "scribble", words), positive)
    if name == "polygon":
        return Polygon(_parse_points(words, "polygon", words))
    raise ValueError(f"no prompt option is named {name!r}")


def _split_object(words: str) -> tuple[int | None, str]:
    match = re.match(r"(\d+):(.*)", words, re.DOTALL)
    return (int(match[1]), match[2]) if match else (None, words)


def _split_sign(words: str, separator: str) -> tuple[str, bool]:
    for sign in "+-":
        if words.rstrip().endswith(separator + sign):
            return words.rstrip()[:-2], sign == "+"
    return words, True


def _parse_points(words: str, name: str, given: str) -> list[Point]:
    return [_parse_point(point, name, "x,y;x,y;...", given) for point in words.strip().strip(";").split(";")]


def _parse_point(words: str, name: str, form: str, given: str) -> Point:
    x, y = _parse_coordinates(words, 2, name, form, given)
    return x, y


def _parse_coordinates(words: str, count: int, name: str, form: str, given: str) -> list[Coordinate]:
    values = words.split(",")
    if len(values) != count:
        raise SeemVideoError(f"--{name} '{given}' is not of the form {form}, such as in --{name} {_EXAMPLES[name]}.")
    return [_parse_coordinate(value.strip(), f"--{name} '{given}'", f"--{name} {_EXAMPLES[name]}") for value in values]


_EXAMPLES = {
    "click": "320,240",
    "click-neg": "320,240",
    "box": "10,20,110,220",
    "scribble": "'10,10;30,12'",
    "polygon": "'0,0;40,0;40,40'",
}


def _parse_coordinate(word: str, where: str, example: str) -> Coordinate:
    if re.fullmatch(r"[+-]?\d+", word):
        return int(word)
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)%", word):
        return Percent(float(word[:-1]))
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", word):
        raise SeemVideoError(
            f"{where} has the fraction {word}, but pixels are whole numbers; "
            "write a place relative to the frame in percent, such as 50%,40%."
        )
    raise SeemVideoError(f"{where} has '{word}' where a pixel (120) or percentage (50%) should be, as in {example}.")


def _parse_at(words: str) -> int | Seconds:
    if match := re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*s\s*", words):
        return Seconds(float(match[1]))
    return _parse_whole(words, "at", "--at 30 (a frame) or --at 1.5s (a time)")


def _parse_whole(words: str, name: str, example: str) -> int:
    if not re.fullmatch(r"\s*\d+\s*", words):
        raise SeemVideoError(f"--{name} '{words}' is not a whole number from 0; write for example {example}.")
    return int(words)


def _entries_of_row(row: Any, folder: Path) -> list[PromptEntry]:
    if not isinstance(row, dict) or sum(kind in row for kind in _KINDS) != 1:
        raise SeemVideoError(f"{json.dumps(row)} is not an object with one of the keys {', '.join(_KINDS)}.")
    kind = next(kind for kind in _KINDS if kind in row)
    known = {kind, "object", "at", "label"} | ({"positive"} if kind in ("click", "scribble") else set())
    if unknown := sorted(set(row) - known):
        raise SeemVideoError(f"a {kind} has no key '{unknown[0]}'; it may have {', '.join(sorted(known))}.")
    object_id, at, label = row.get("object"), row.get("at"), row.get("label")
    if object_id is not None and type(object_id) is not int:
        raise SeemVideoError(f'"object" is {json.dumps(object_id)}; objects are numbered from 1.')
    if at is not None and type(at) is not int:
        at = _parse_at(str(at))
    if label is not None and not isinstance(label, str):
        raise SeemVideoError(f'"label" is {json.dumps(label)}; a label is text.')
    prompts = _prompts_of_value(kind, row[kind], row.get("positive", True), object_id, folder)
    return [PromptEntry(prompt, i, at, label) for i, prompt in prompts]


def _prompts_of_value(
    kind: str, value: Any, positive: Any, object_id: int | None, folder: Path
) -> list[tuple[int, Prompt]]:
    if type(positive) is not bool:
        raise SeemVideoError(f'"positive" is {json.dumps(positive)}; write true or false.')
    if kind == "mask":
        if not isinstance(value, str):
            raise SeemVideoError(f'"mask" is {json.dumps(value)}; write the path of an image.')
        return list(read_mask(folder / value, object_id))
    words = _words_of_json(kind, value)
    prompt = _parse_shape(kind, words)
    if isinstance(prompt, Click | Scribble) and not positive:
        prompt = Click(prompt.x, prompt.y, False) if isinstance(prompt, Click) else Scribble(prompt.points, False)
    return [(1 if object_id is None else object_id, prompt)]


def _words_of_json(kind: str, value: Any) -> str:
    """JSON's nested lists in the words of the command line, so that one parser and one set of sentences serves both."""
    nested = kind in ("scribble", "polygon")
    try:
        points = [list(point) for point in value] if nested else [list(value)]
    except TypeError as error:
        form = "[[x, y], [x, y], ...]" if nested else 'a list of whole numbers or strings such as "50%"'
        raise SeemVideoError(f'"{kind}" is {json.dumps(value)}; write {form}.') from error
    return ";".join(",".join(str(number) for number in point) for point in points)
