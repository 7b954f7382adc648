"""From words to prompts: the command line's options, in the order they were given, and the JSON file.

The JSON file is a list of prompts, each an object with one of the keys `click`, `box`, `scribble`, `polygon`, `mask`,
`text`, `reference`::

    [
      {"click": [320, 240]},
      {"click": ["50%", "40%"], "positive": false},
      {"box": [10, 20, 110, 220], "object": 2, "label": "dog"},
      {"scribble": [[10, 10], [30, 12]], "positive": false, "object": 2, "at": 30},
      {"polygon": [[0, 0], [40, 0], [40, 40]], "object": 3, "at": "1.5s"},
      {"mask": "first.png", "at": 60},
      {"text": "the brown dog", "object": 4},
      {"reference": "dog.jpg", "region": [{"box": [5, 5, 60, 80]}], "object": 5}
    ]

Coordinates are whole pixels or strings in percent; `object` (1), `at` (the first frame tracked), `label` and, for
clicks and scribbles, `positive` (true) may be left out; paths are relative to the JSON file. `region` is a list of
prompts on the reference image: any of the first five kinds, without `object`, `at` and `label`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seem_video.errors import SeemVideoError
from seem_video.prompts.files import read_mask, read_reference
from seem_video.prompts.shapes import (
    Box,
    Click,
    Coordinate,
    Percent,
    Point,
    Polygon,
    Prompt,
    PromptEntry,
    Scribble,
    Seconds,
    Text,
    VisualPrompt,
)

_VISUAL = ("click", "box", "scribble", "polygon", "mask")
_KINDS = (*_VISUAL, "text", "reference")
_WHOLE = r"\d{1,9}"  # with thousands of digits, Python refuses to make a number of them
_ON_REFERENCE = "reference-"  # begins the names of options that mark the object in the reference image before them


def read_options(options: Iterable[tuple[str, str]]) -> list[PromptEntry]:
    """The prompts of a command line.

    Args:
        options: (name, value) pairs in the order of the command line, the names without dashes: `object` and `at` hold
            for what follows them; `click`, `click-neg`, `box`, `scribble`, `polygon`, `mask`, `text` and `reference`
            are prompts, where `N:` before the value names the object of this one alone; `reference-click`,
            `reference-box` and `reference-mask` mark the object in the last reference image; `prompts` is a JSON file
            that stands for itself.

    Raises:
        SeemVideoError: a value that cannot be read, quoted with the form it should have.
    """
    entries: list[PromptEntry | _Shown] = []
    object_id: int | None = None
    at: int | Seconds | None = None
    for name, value in options:
        if name == "object":
            object_id = _parse_whole(value, "object", "--object 2")
        elif name == "at":
            at = _parse_at(value)
        elif name == "prompts":
            entries += load_prompts(Path(value))
        elif name.startswith(_ON_REFERENCE):
            _last_shown(entries, name, value).region += [p for _, p in _parse_visual(name, value, None)]
        else:
            own_id, words = _split_object(value)
            chosen = object_id if own_id is None else own_id
            if name == "reference":
                entries.append(_Shown(Path(words), _or_first(chosen), at))
            elif name == "text":
                entries.append(PromptEntry(Text(words), _or_first(chosen), at))
            else:
                entries += [PromptEntry(p, i, at) for i, p in _parse_visual(name, words, chosen)]
    return [entry.read() if isinstance(entry, _Shown) else entry for entry in entries]


@dataclass
class _Shown:
    """A reference prompt whose region is still being read."""

    image: Path
    object_id: int
    at: int | Seconds | None
    region: list[VisualPrompt] = field(default_factory=list)

    def read(self) -> PromptEntry:
        return PromptEntry(read_reference(self.image, self.region), self.object_id, self.at)


def _last_shown(entries: list[PromptEntry | _Shown], name: str, value: str) -> _Shown:
    shown = next((entry for entry in reversed(entries) if isinstance(entry, _Shown)), None)
    if shown is None:
        raise SeemVideoError(f"--{name} '{value}' marks the object in a reference image; give --reference before it.")
    return shown


def _or_first(object_id: int | None) -> int:
    return 1 if object_id is None else object_id


def load_prompts(path: Path) -> list[PromptEntry]:
    """The prompts of a JSON file; its schema is this module's docstring.

    Raises:
        SeemVideoError: a file that is missing, no JSON or of another form, with the number of the prompt at fault.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SeemVideoError(f"The prompts file '{path}' cannot be read ({error.strerror}); check its path.") from error
    except (ValueError, RecursionError) as error:
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


def _parse_visual(name: str, words: str, object_id: int | None) -> list[tuple[int, VisualPrompt]]:
    if name.removeprefix(_ON_REFERENCE) == "mask":
        return list(read_mask(Path(words), object_id))
    return [(_or_first(object_id), _parse_shape(name, words))]


def _parse_shape(name: str, words: str) -> VisualPrompt:
    match name.removeprefix(_ON_REFERENCE):
        case "click":
            place, positive = _split_sign(words, ",")
            return Click(*_parse_point(place, name, "x,y or x,y,-", words), positive)
        case "click-neg":
            return Click(*_parse_point(words, name, "x,y", words), positive=False)
        case "box":
            x0, y0, x1, y1 = _parse_coordinates(words, 4, name, "x0,y0,x1,y1", words)
            return Box(x0, y0, x1, y1)
        case "scribble":
            stroke, positive = _split_sign(words, ";")
            return Scribble(_parse_points(stroke, name, words), positive)
        case "polygon":
            return Polygon(_parse_points(words, name, words))
    raise ValueError(f"no prompt option is named {name!r}")


def _split_object(words: str) -> tuple[int | None, str]:
    match = re.match(rf"({_WHOLE}):(.*)", words, re.DOTALL)
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
    values, example = words.split(","), f"--{name} {_EXAMPLES[name.removeprefix(_ON_REFERENCE)]}"
    if len(values) != count:
        raise SeemVideoError(f"--{name} '{given}' is not of the form {form}, such as in {example}.")
    return [_parse_coordinate(value.strip(), f"--{name} '{given}'", example) for value in values]


_EXAMPLES = {
    "click": "320,240",
    "click-neg": "320,240",
    "box": "10,20,110,220",
    "scribble": "'10,10;30,12'",
    "polygon": "'0,0;40,0;40,40'",
}


def _parse_coordinate(word: str, where: str, example: str) -> Coordinate:
    if re.fullmatch(rf"[+-]?{_WHOLE}", word):
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
    if not re.fullmatch(rf"\s*{_WHOLE}\s*", words):
        raise SeemVideoError(f"--{name} '{words}' is not a whole number from 0; write for example {example}.")
    return int(words)


def _entries_of_row(row: Any, folder: Path) -> list[PromptEntry]:
    kind = _kind_of_row(row, _KINDS, {"object", "at", "label"})
    object_id, at, label = row.get("object"), row.get("at"), row.get("label")
    if object_id is not None and type(object_id) is not int:
        raise SeemVideoError(f'"object" is {json.dumps(object_id)}; objects are numbered from 1.')
    if at is not None and type(at) is not int:
        at = _parse_at(str(at))
    if label is not None and not isinstance(label, str):
        raise SeemVideoError(f'"label" is {json.dumps(label)}; a label is text.')
    prompts: list[tuple[int, Prompt]] = []
    if kind == "text":
        words = _text_of_json(kind, row[kind], "what to look for in words")
        prompts.append((_or_first(object_id), Text(words)))
    elif kind == "reference":
        image = folder / _text_of_json(kind, row[kind], "the path of an image")
        shown = read_reference(image, _region_of_json(row.get("region", []), folder))
        prompts.append((_or_first(object_id), shown))
    else:
        prompts += _visual_of_row(kind, row, object_id, folder)
    return [PromptEntry(prompt, i, at, label) for i, prompt in prompts]


def _kind_of_row(row: Any, kinds: tuple[str, ...], others: set[str]) -> str:
    if not isinstance(row, dict) or sum(kind in row for kind in kinds) != 1:
        raise SeemVideoError(f"{json.dumps(row)} is not an object with one of the keys {', '.join(kinds)}.")
    kind = next(kind for kind in kinds if kind in row)
    own = {"click": {"positive"}, "scribble": {"positive"}, "reference": {"region"}}.get(kind, set())
    known = {kind} | others | own
    if unknown := sorted(set(row) - known):
        raise SeemVideoError(f"a {kind} has no key '{unknown[0]}'; it may have {', '.join(sorted(known))}.")
    return kind


def _region_of_json(rows: Any, folder: Path) -> list[VisualPrompt]:
    if not isinstance(rows, list):
        raise SeemVideoError(
            f'"region" is {json.dumps(rows)}; write a list of prompts such as [{{"click": [32, 24]}}].'
        )
    kinds = [_kind_of_row(row, _VISUAL, set()) for row in rows]
    return [p for kind, row in zip(kinds, rows, strict=True) for _, p in _visual_of_row(kind, row, None, folder)]


def _visual_of_row(kind: str, row: Any, object_id: int | None, folder: Path) -> list[tuple[int, VisualPrompt]]:
    positive = row.get("positive", True)
    if type(positive) is not bool:
        raise SeemVideoError(f'"positive" is {json.dumps(positive)}; write true or false.')
    if kind == "mask":
        return list(read_mask(folder / _text_of_json(kind, row[kind], "the path of an image"), object_id))
    prompt = _parse_shape(kind, _words_of_json(kind, row[kind]))
    if isinstance(prompt, Click | Scribble) and not positive:
        prompt = replace(prompt, positive=False)
    return [(_or_first(object_id), prompt)]


def _text_of_json(kind: str, value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise SeemVideoError(f'"{kind}" is {json.dumps(value)}; write {what}.')
    return value


def _words_of_json(kind: str, value: Any) -> str:
    """JSON's nested lists in the words of the command line, so that one parser and one set of sentences serves both."""
    nested = kind in ("scribble", "polygon")
    try:
        points = [list(point) for point in value] if nested else [list(value)]
    except TypeError as error:
        form = "[[x, y], [x, y], ...]" if nested else 'a list of whole numbers or strings such as "50%"'
        raise SeemVideoError(f'"{kind}" is {json.dumps(value)}; write {form}.') from error
    return ";".join(",".join(str(number) for number in point) for point in points)
