"""Whatever a prompts file or a mask holds is read or refused in a sentence; hypothesis looks for what is neither."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from seem_video import MaskPrompt, PromptEntry, SeemVideoError
from seem_video.io.reader import open_reader
from seem_video.prompts import load_prompts, place, read_mask

HEIGHT, WIDTH = 6, 8
KINDS = ("click", "box", "scribble", "polygon", "mask", "text", "reference")
SURROGATES = st.characters(codec=None)  # halves of characters too, which JSON can spell but no file can hold

words = st.text(SURROGATES, max_size=12) | st.sampled_from(
    ["50%", "120%", "1.5s", "mask.png", "*.png", "a\0b", "9" * 5000]
)
numbers = st.integers(-2, 10) | st.integers() | st.floats() | st.booleans()
anything = st.recursive(
    st.none() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
coordinates = numbers | words
points = st.lists(coordinates, min_size=2, max_size=4)
values = points | st.lists(points, max_size=4) | words | anything
row = st.dictionaries(st.sampled_from(KINDS), values, min_size=1, max_size=1)
options = st.fixed_dictionaries(
    {},
    optional={
        "object": st.integers(0, 3) | anything,
        "at": st.integers(0, 3) | words | anything,
        "label": words | anything,
        "positive": st.booleans() | anything,
        "region": st.lists(row, max_size=2) | anything,
    },
)
rows = st.lists(st.builds(lambda a, b: a | b, row, options) | anything, max_size=3)


@contextmanager
def perhaps_refused() -> Iterator[None]:
    try:
        yield
    except SeemVideoError as error:
        if not str(error).endswith("."):
            raise


def load(data: bytes) -> None:
    """Reads a prompts file, whose prompts find their place in a video or do not."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("mask.png", "other.png"):
            Image.fromarray(np.eye(HEIGHT, WIDTH, dtype=np.uint8) * 255).save(Path(folder) / name)
        path = Path(folder) / "prompts.json"
        path.write_bytes(data)
        with perhaps_refused():
            entries = load_prompts(path)
            assert entries
            assert all(isinstance(entry, PromptEntry) for entry in entries)
            for entry in entries:
                json.dumps(entry.label, ensure_ascii=False).encode()
            with open_reader(np.zeros((4, HEIGHT, WIDTH, 3), np.uint8)) as reader:
                assert place(entries, reader, 0)


@given(rows)
@example([{"click": ["9" * 5000, 1]}])
@example([{"click": [1, 1], "at": "9" * 5000}])
@example([{"click": [1, 1], "label": "\ud800"}])
@example([{"text": "a\x00dog"}])
@example([{"mask": "a\0b"}])
@example([{"reference": "x" * 5000, "region": [{"click": [1, 1]}]}])
def test_prompts_of_any_form(content: list[Any]):
    load(json.dumps(content).encode())


@given(st.binary(max_size=60))
@example(b"[" * 100_000)
def test_a_prompts_file_of_any_bytes(data: bytes):
    load(data)


def _coded(values: np.ndarray, mode: str, form: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).convert(mode).save(file, form)
    return file.getvalue()


IDS = np.zeros((HEIGHT, WIDTH), np.uint8)
IDS[:2], IDS[4] = 1, 255
MASKS = [_coded(IDS, mode, "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
MASKS += [
    _coded(IDS, mode, form) for mode, form in (("F", "TIFF"), ("L", "TIFF"), ("L", "GIF"), ("L", "BMP"), ("L", "WEBP"))
]


@given(
    st.sampled_from(MASKS),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
    st.integers(1, 400),
)
@example(MASKS[1], [(16, 0x70), (20, 0x70)], 400)
def test_a_mask_that_is_damaged(data: bytes, changes: list[tuple[int, int]], kept: int):
    damaged = bytearray(data)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    _read(bytes(damaged[:kept]))


@given(st.binary(max_size=200))
def test_a_mask_of_any_bytes(data: bytes):
    _read(data)
    _read(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + data)


def _read(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, perhaps_refused():
        path = Path(folder) / "mask.png"
        path.write_bytes(data)
        found = read_mask(path)
        assert found
        for _, prompt in found:
            assert isinstance(prompt, MaskPrompt)
            assert prompt.mask.any()
