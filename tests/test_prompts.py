"""Prompts: what a user writes must become the pixels meant, or a sentence that says what to write instead."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seem_video import (
    Box,
    Click,
    MaskPrompt,
    Percent,
    Polygon,
    PromptEntry,
    Reference,
    Scribble,
    Seconds,
    SeemVideoError,
    Text,
)
from seem_video.io.reader import open_reader
from seem_video.prompts import Prompt, load_prompts, place, rasterise, read_mask, read_options, to_pixels

HEIGHT, WIDTH = 40, 60


def test_each_shape_marks_its_pixels():
    maps = rasterise([Click(5, 7), Click(9, 7, positive=False), Scribble([(0, 0), (3, 0)])], HEIGHT, WIDTH)
    assert sorted(zip(*np.nonzero(maps.positive), strict=True)) == [(0, 0), (0, 1), (0, 2), (0, 3), (7, 5)]
    assert np.argwhere(maps.negative).tolist() == [[7, 9]]
    assert maps.box is None
    assert maps.mask is None


def test_a_stroke_of_one_point_marks_that_point() -> None:
    assert np.argwhere(rasterise([Scribble([(4, 2)])], HEIGHT, WIDTH).positive).tolist() == [[2, 4]]


def test_a_box_includes_both_corners_and_is_cut_at_the_frame():
    assert rasterise([Box(2, 3, 4, 6)], HEIGHT, WIDTH).box.sum() == 3 * 4  # type: ignore[union-attr]
    assert rasterise([Box(-10, -10, WIDTH, HEIGHT)], HEIGHT, WIDTH).box.all()  # type: ignore[union-attr]


def test_polygons_and_masks_of_one_object_are_united():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[0, 0] = True
    united = rasterise([Polygon([(10, 10), (19, 10), (19, 19), (10, 19)]), MaskPrompt(mask)], HEIGHT, WIDTH).mask
    assert united is not None
    assert united[0, 0]
    assert united.sum() == 100 + 1
    assert mask.sum() == 1, "the caller's array is left alone"


@given(st.floats(0, 100), st.floats(0, 100), st.integers(1, 5000), st.integers(1, 5000))
def test_percent_is_always_inside_the_frame(x, y, height, width):
    placed = to_pixels(Click(Percent(x), Percent(y)), height, width)
    assert isinstance(placed, Click)
    assert placed.x in range(width)
    assert placed.y in range(height)


def test_percent_reaches_from_the_first_pixel_to_the_last():
    assert to_pixels(Box(Percent(0), Percent(0), Percent(100), Percent(50)), 101, 201) == Box(0, 0, 200, 50)


EMPTY = np.zeros((HEIGHT, WIDTH), bool)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (Click(60, 5), "click 60,5 lies outside the 60x40 frame; x runs from 0 to 59, y from 0 to 39"),
        (Click(5, -1), "click 5,-1 lies outside"),
        (Scribble([(0, 0), (5, 40)]), "scribble 0,0;5,40 lies outside"),
        (Box(5, 5, 5, 9), "box 5,5,5,9 has no area"),
        (Box(9, 9, 5, 5), "top left corner, then its bottom right"),
        (Box(60, 0, 70, 9), "wholly outside the 60x40 frame"),
        (Polygon([(0, 0), (5, 5), (10, 10)]), "has no area"),
        (Polygon([(100, 0), (150, 5), (100, 10)]), "wholly outside"),
        (Polygon([(0, 0), (10**9, 5), (0, 10)]), "far outside"),
        (MaskPrompt(np.ones((20, 30), bool)), "mask is 30x20 and the frame 60x40"),
        (MaskPrompt(EMPTY), "empty"),
    ],
)
def test_what_does_not_fit_the_frame_is_refused_by_its_value(prompt: Prompt, words: str):
    with pytest.raises(SeemVideoError) as refusal:
        rasterise([prompt], HEIGHT, WIDTH)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Click(0.5, 0.4),  # type: ignore[arg-type]
        lambda: Box(0, 0, 0.5, 0.5),  # type: ignore[arg-type]
        lambda: Scribble([(0.1, 0.2)]),  # type: ignore[list-item]
        lambda: read_options([("click", "0.5,0.4")]),
        lambda: read_options([("polygon", "1,1;5.5,5;1,5")]),
    ],
)
def test_fractions_are_refused_with_the_way_to_write_percent(make):
    with pytest.raises(SeemVideoError, match="50%,40%"):
        make()


def test_numpy_integers_are_pixels():
    assert to_pixels(Click(np.int64(3), np.int32(4)), HEIGHT, WIDTH) == Click(3, 4)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "entries"),
    [
        ([("click", "320,240")], [PromptEntry(Click(320, 240))]),
        ([("click", " 50%, 40.5% ")], [PromptEntry(Click(Percent(50), Percent(40.5)))]),
        ([("click", "3,4,-")], [PromptEntry(Click(3, 4, positive=False))]),
        ([("click", "3,4,+")], [PromptEntry(Click(3, 4))]),
        ([("click-neg", "3,4")], [PromptEntry(Click(3, 4, positive=False))]),
        ([("box", "2:1,2,30,40")], [PromptEntry(Box(1, 2, 30, 40), 2)]),
        ([("scribble", "1,2;3,4;")], [PromptEntry(Scribble([(1, 2), (3, 4)]))]),
        ([("scribble", "1,2;3,4;-")], [PromptEntry(Scribble([(1, 2), (3, 4)], positive=False))]),
        ([("polygon", "0,0;9,0;9,9")], [PromptEntry(Polygon([(0, 0), (9, 0), (9, 9)]))]),
        (
            [("click", "1,1"), ("object", "2"), ("click", "2,2"), ("at", "7"), ("click", "3:3,3"), ("click", "4,4")],
            [
                PromptEntry(Click(1, 1), 1),
                PromptEntry(Click(2, 2), 2),
                PromptEntry(Click(3, 3), 3, 7),
                PromptEntry(Click(4, 4), 2, 7),
            ],
        ),
        ([("at", "1.5s"), ("click", "1,1")], [PromptEntry(Click(1, 1), at=Seconds(1.5))]),
        (
            [("text", "a dog: brown"), ("text", "2:a cat"), ("at", "7"), ("text", "its tail")],
            [PromptEntry(Text("a dog: brown")), PromptEntry(Text("a cat"), 2), PromptEntry(Text("its tail"), at=7)],
        ),
    ],
)
def test_words_of_the_command_line(options, entries):
    assert read_options(options) == entries


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("click", "320"), "--click '320' is not of the form x,y or x,y,-, such as in --click 320,240"),
        (("click", "a,b"), "'a' where a pixel (120) or percentage (50%) should be"),
        (("click", "150%,0%"), "150% lies outside the frame"),
        (("click", ""), "not of the form"),
        (("box", "1,2,3"), "--box '1,2,3' is not of the form x0,y0,x1,y1"),
        (("scribble", ""), "not of the form"),
        (("polygon", "1,1;2,2"), "a polygon needs at least 3"),
        (("object", "dog"), "--object 'dog'"),
        (("object", "0"), "Object 0 cannot be"),
        (("at", "-1"), "--at '-1'"),
        (("at", "1.5"), "--at 1.5s"),
        (("click", "0:5,5"), "Object 0"),
        (("mask", "nowhere.png"), "'nowhere.png' cannot be read (No such file or directory)"),
        (("prompts", "nowhere.json"), "'nowhere.json' cannot be read"),
        (("text", " "), "text prompt is empty"),
        (("text", "2:"), "text prompt is empty"),
        (("reference", "nowhere.jpg"), "nowhere.jpg"),
        (("reference-box", "1,1,5,5"), "--reference-box '1,1,5,5' marks the object in a reference image; give --refer"),
    ],
)
def test_words_that_cannot_be_read_are_quoted(option, words):
    with pytest.raises(SeemVideoError) as refusal:
        read_options([option, ("click", "1,1")])
    assert words in str(refusal.value)


def test_a_reference_image_is_marked_by_the_options_after_it(tmp_path: Path):
    image, mask = tmp_path / "dog.png", tmp_path / "mask.png"
    Image.fromarray(np.full((4, 5, 3), 7, np.uint8)).save(image)
    Image.fromarray(np.eye(4, 5, dtype=np.uint8) * 255).save(mask)
    options = [("object", "2"), ("reference", str(image)), ("reference-box", "0,0,2,2"), ("reference-mask", str(mask))]
    options += [("click", "9,9"), ("reference-click", "4,0,-"), ("reference", f"3:{image}"), ("reference-click", "1,1")]
    first, click, second = read_options(options)
    assert (first.object_id, click.object_id, second.object_id) == (2, 2, 3)
    assert isinstance(first.prompt, Reference)
    assert first.prompt.image.shape == (4, 5, 3)
    box, drawn, beside = first.prompt.region
    assert (box, beside) == (Box(0, 0, 2, 2), Click(4, 0, positive=False))
    assert isinstance(drawn, MaskPrompt)
    rows = [{"reference": "dog.png", "object": 3, "region": [{"click": [1, 1]}]}, {"text": "a dog", "label": "Rex"}]
    (tmp_path / "prompts.json").write_text(json.dumps(rows))
    shown, said = load_prompts(tmp_path / "prompts.json")
    assert isinstance(shown.prompt, Reference)
    assert isinstance(second.prompt, Reference)
    assert shown.prompt.region == second.prompt.region == (Click(1, 1),)
    assert said == PromptEntry(Text("a dog"), label="Rex")


def test_a_json_file_says_all_that_options_say(tmp_path: Path):
    Image.fromarray(np.full((4, 5), 255, np.uint8)).save(tmp_path / "first.png")
    rows = [
        {"click": [320, 240]},
        {"click": ["50%", "40%"], "positive": False},
        {"box": [10, 20, 110, 220], "object": 2, "label": "dog"},
        {"scribble": [[10, 10], [30, 12]], "positive": False, "object": 2, "at": 30},
        {"polygon": [[0, 0], [40, 0], [40, 40]], "object": 3, "at": "1.5s"},
        {"mask": "first.png", "at": 60},
    ]
    (tmp_path / "prompts.json").write_text(json.dumps(rows))
    *entries, masked = load_prompts(tmp_path / "prompts.json")
    assert entries == [
        PromptEntry(Click(320, 240)),
        PromptEntry(Click(Percent(50), Percent(40), positive=False)),
        PromptEntry(Box(10, 20, 110, 220), 2, label="dog"),
        PromptEntry(Scribble([(10, 10), (30, 12)], positive=False), 2, 30),
        PromptEntry(Polygon([(0, 0), (40, 0), (40, 40)]), 3, Seconds(1.5)),
    ]
    assert isinstance(masked.prompt, MaskPrompt)
    assert (masked.object_id, masked.at, masked.prompt.mask.shape) == (1, 60, (4, 5))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "is no list of prompts"),
        ('{"click": [1, 2]}', "is no list of prompts"),
        ("[5]", "prompt 1: 5 is not an object with one of the keys"),
        ('[{"click": [1, 2]}, {"clack": [1, 2]}]', "prompt 2"),
        ('[{"click": [1, 2], "box": [1, 2, 3, 4]}]', "one of the keys"),
        ('[{"click": [0.5, 0.4]}]', "50%,40%"),
        ('[{"click": 5}]', '"click" is 5'),
        ('[{"polygon": [1, 2, 3]}]', "[[x, y], [x, y], ...]"),
        ('[{"click": [1, 2], "colour": "red"}]', "a click has no key 'colour'"),
        ('[{"box": [1, 2, 3, 4], "positive": false}]', "no key 'positive'"),
        ('[{"click": [1, 2], "positive": "no"}]', "write true or false"),
        ('[{"click": [1, 2], "object": "2"}]', '"object" is "2"'),
        ('[{"click": [1, 2], "object": 0}]', "Object 0"),
        ('[{"click": [1, 2], "at": "soon"}]', "soon"),
        ('[{"click": [1, 2], "at": -3}]', "Frame -3"),
        ('[{"click": [1, 2], "label": 3}]', '"label" is 3'),
        ('[{"mask": 3}]', '"mask" is 3'),
        ('[{"mask": "gone.png"}]', "gone.png"),
        ('[{"text": 3}]', '"text" is 3'),
        ('[{"text": ""}]', "text prompt is empty"),
        ('[{"reference": 3}]', '"reference" is 3'),
        ('[{"reference": "gone.jpg", "region": [{"click": [1, 2]}]}]', "gone.jpg"),
        ('[{"reference": "ground.png"}]', "has no region"),
        ('[{"reference": "ground.png", "region": {"click": [1, 2]}}]', "write a list of prompts"),
        ('[{"reference": "ground.png", "region": [{"text": "dog"}]}]', "one of the keys click, box"),
        ('[{"reference": "ground.png", "region": [{"click": [1, 2], "at": 3}]}]', "a click has no key 'at'"),
    ],
)
def test_a_json_file_of_another_form_is_refused_by_the_prompt_at_fault(tmp_path: Path, text: str, words: str):
    (tmp_path / "prompts.json").write_text(text)
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(tmp_path / "ground.png")
    with pytest.raises(SeemVideoError) as refusal:
        load_prompts(tmp_path / "prompts.json")
    assert words in str(refusal.value)


def _save(path: Path, values: np.ndarray, mode: str = "L") -> Path:
    image = Image.fromarray(values.astype(np.uint8))
    if mode == "P":
        image.putpalette([channel for i in range(256) for channel in (i, 255 - i, 7 * i % 256)])
    image.convert(mode).save(path) if mode not in ("L", "P") else image.save(path)
    return path


VALUES = np.zeros((6, 8), np.uint8)
VALUES[:2], VALUES[2:3], VALUES[5] = 1, 4, 255


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_an_indexed_mask_is_one_object_an_id(tmp_path: Path, mode: str):
    masks = dict(read_mask(_save(tmp_path / "ids.png", VALUES, mode)))
    assert {i: int(prompt.mask.sum()) for i, prompt in masks.items()} == {1: 16, 4: 8}, "255 is to be ignored"


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "LA"])
def test_a_binary_mask_is_one_object_in_whatever_way_it_is_stored(tmp_path: Path, mode: str):
    path = _save(tmp_path / "binary.png", np.where(VALUES == 1, 255, 0), mode)
    for asked, expected in ((None, 1), (7, 7)):
        [(object_id, prompt)] = read_mask(path, asked)
        assert object_id == expected
        assert np.array_equal(prompt.mask, VALUES == 1)


@pytest.mark.parametrize(
    ("values", "object_id", "words"),
    [
        (np.zeros((4, 4)), None, "is empty"),
        (np.arange(256).reshape(16, 16), None, "has 255 values"),
        (VALUES, 3, "holds 2 objects, but it was given for object 3"),
        (np.dstack([VALUES, VALUES, VALUES // 2]), None, "in colour"),
    ],
)
def test_masks_that_leave_a_doubt_are_refused(tmp_path: Path, values: np.ndarray, object_id: int | None, words: str):
    with pytest.raises(SeemVideoError, match=words):
        read_mask(_save(tmp_path / "mask.png", values), object_id)


def test_a_mask_that_is_no_image_is_refused(tmp_path: Path):
    (tmp_path / "mask.png").write_text("not a picture")
    with pytest.raises(SeemVideoError, match="is no image"):
        read_mask(tmp_path / "mask.png")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for i in range(6):
        _save(tmp_path / f"{i}.png", np.full((HEIGHT, WIDTH), 40 * i))
    return tmp_path


def _placed(folder: Path, *prompts: Prompt | PromptEntry, start: int = 0, stop: int | None = None, stride: int = 1):
    with open_reader(folder, start=start, stop=stop, stride=stride) as reader:
        return place(prompts, reader, start)


def test_prompts_find_their_frames_by_number_and_by_time(pictures: Path):
    clicks = [
        PromptEntry(Click(Percent(100), 0), at=Seconds(0.1)),
        PromptEntry(Click(1, 1), at=4),
        Click(2, 2),
    ]
    placed = _placed(pictures, *clicks)
    assert list(placed) == [0, 2, 4], "25 frames a second: 0.1 s is during frame 2"
    assert placed[2] == [PromptEntry(Click(WIDTH - 1, 0), at=2)]


def test_the_first_frame_is_the_first_that_is_tracked(pictures: Path):
    assert list(_placed(pictures, Click(2, 2), start=3)) == [3]


@pytest.mark.parametrize(
    ("at", "span", "words"),
    [
        (6, {}, r"frame 6 lies beyond the last frame; .* from frame 0 \(0.00s\) to 5 \(0.20s\)"),
        (Seconds(0.3), {}, "0.3s lies beyond the last frame"),
        (5, {"stop": 4}, "beyond the last frame"),
        (1, {"start": 2}, "comes before the first frame"),
        (Seconds(0.0), {"start": 2}, "0s comes before the first frame"),
        (Seconds(0.0), {"start": 5}, "0s comes before the first frame"),
        (3, {"stride": 2}, "stride leaves out"),
    ],
)
def test_prompts_on_frames_that_are_not_tracked_are_refused(pictures: Path, at, span, words: str):
    with pytest.raises(SeemVideoError, match=words):
        _placed(pictures, PromptEntry(Click(2, 2), at=at), **span)


def test_the_last_frame_is_on_display_for_its_whole_duration(pictures: Path):
    assert list(_placed(pictures, PromptEntry(Click(2, 2), at=Seconds(0.23)))) == [5]


def test_an_object_cannot_begin_with_what_it_is_not(pictures: Path):
    later = PromptEntry(Click(1, 1), 2, at=3)
    with pytest.raises(SeemVideoError, match="Object 2 begins on frame 0 with negative prompts alone"):
        _placed(pictures, Click(1, 1), PromptEntry(Click(5, 5, positive=False), 2), later)
    correction = PromptEntry(Click(5, 5, positive=False), 2, at=4)
    assert list(_placed(pictures, later, correction)) == [3, 4]
    assert list(_placed(pictures, Click(5, 5, positive=False), Text("what is not there"))) == [0]


def test_tracking_needs_a_prompt(pictures: Path):
    with pytest.raises(SeemVideoError, match="No prompt says what to track"):
        _placed(pictures)


def test_a_time_in_a_source_that_is_read_only_once_is_refused():
    frames = (np.zeros((HEIGHT, WIDTH, 3), np.uint8) for _ in range(3))
    with open_reader(frames) as reader, pytest.raises(SeemVideoError, match="give a frame number"):
        place([PromptEntry(Click(1, 1), at=Seconds(1))], reader, 0)
