"""Prompts as JSON that stands for itself, pixels included, and back; for session files."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from seem_video.fingerprints import digest
from seem_video.io.run_lengths import decode_mask, encode_mask
from seem_video.prompts.shapes import (
    Box,
    Click,
    Coordinate,
    MaskPrompt,
    Percent,
    Polygon,
    Prompt,
    PromptEntry,
    Reference,
    Scribble,
    Text,
    VisualPrompt,
)


def to_record(prompt: Prompt) -> dict[str, Any]:
    """A prompt as a JSON object, with `kind` first."""
    match prompt:
        case Click(x, y, positive):
            return {"kind": "click", "points": [_words(x, y)], "positive": positive}
        case Box(x0, y0, x1, y1):
            return {"kind": "box", "points": [_words(x0, y0), _words(x1, y1)]}
        case Scribble(points, positive):
            return {"kind": "scribble", "points": [_words(*point) for point in points], "positive": positive}
        case Polygon(points):
            return {"kind": "polygon", "points": [_words(*point) for point in points]}
        case MaskPrompt(mask):
            return {"kind": "mask", **encode_mask(mask)}
        case Text(words):
            return {"kind": "text", "words": words}
        case Reference(image, region, name):
            png = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))[1].tobytes()
            drawn = [to_record(each) for each in region]
            return {"kind": "reference", "png": base64.b64encode(png).decode(), "region": drawn, "name": name}
    raise TypeError(f"{type(prompt).__name__} is no prompt")


def from_record(record: dict[str, Any]) -> Prompt:
    """The prompt that `to_record` wrote."""
    match record["kind"]:
        case "text":
            return Text(record["words"])
        case "reference":
            png = np.frombuffer(base64.b64decode(record["png"]), np.uint8)
            image = cast(npt.NDArray[np.uint8], cv2.imdecode(png, cv2.IMREAD_COLOR))
            return Reference(
                np.ascontiguousarray(image[..., ::-1]), [_drawn(each) for each in record["region"]], record["name"]
            )
    return _drawn(record)


def fingerprint_prompts(entries: Iterable[PromptEntry]) -> str:
    """The SHA-256 of prompts, of whom they are, when they are given and under what names."""
    records = [[str(entry.at), entry.object_id, entry.label, to_record(entry.prompt)] for entry in entries]
    return digest([("prompts", json.dumps(records).encode())])


def _drawn(record: dict[str, Any]) -> VisualPrompt:
    if record["kind"] == "mask":
        return MaskPrompt(decode_mask(record))
    points = [(_coordinate(x), _coordinate(y)) for x, y in record["points"]]
    match record["kind"]:
        case "click":
            return Click(*points[0], record["positive"])
        case "box":
            return Box(*points[0], *points[1])
        case "scribble":
            return Scribble(points, record["positive"])
        case "polygon":
            return Polygon(points)
    raise ValueError(f"no prompt is of the kind {record['kind']!r}")


def _words(x: Coordinate, y: Coordinate) -> list[int | str]:
    return [f"{value.value!r}%" if isinstance(value, Percent) else int(value) for value in (x, y)]


def _coordinate(value: int | str) -> Coordinate:
    return Percent(float(value[:-1])) if isinstance(value, str) else value
