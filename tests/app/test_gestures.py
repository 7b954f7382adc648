"""What the hand did is the prompt that the tool says."""

import pytest

from seem_video import Box, Click, Scribble, SeemVideoError
from seem_video.app.gestures import TOOLS, read_color, read_gesture


def test_a_stroke_is_the_prompt_of_its_tool():
    words = '{"points": [[30, 40], [12, 60], [10, 20]]}'
    assert [read_gesture(words, tool) for tool in TOOLS] == [
        Click(30, 40),
        Click(30, 40, positive=False),
        Box(10, 20, 30, 40),
        Scribble([(30, 40), (12, 60), (10, 20)]),
        Scribble([(30, 40), (12, 60), (10, 20)], positive=False),
    ]


def test_a_box_has_to_be_dragged():
    with pytest.raises(SeemVideoError, match="Drag from one corner"):
        read_gesture('{"points": [[30, 40]]}', "Box")


@pytest.mark.parametrize("words", ["", "{}", "[]", '{"points": []}', '{"points": [[1]]}', '{"points": [[1e999, 0]]}'])
def test_what_is_no_stroke_is_refused(words: str):
    with pytest.raises(SeemVideoError, match="could not be read"):
        read_gesture(words, "Scribble")


def test_a_colour_is_what_the_browser_says_it_is():
    assert read_color('{"color": "#0a80ff"}') == (10, 128, 255)


@pytest.mark.parametrize("words", ["", "[]", "{}", '{"color": 7}', '{"color": "red"}', '{"color": "#0a80"}'])
def test_what_is_no_colour_is_refused(words: str):
    with pytest.raises(SeemVideoError, match="could not be read"):
        read_color(words)
