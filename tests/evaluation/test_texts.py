"""Expressions go to the objects they were written for."""

import pytest

from seem_video import SeemVideoError
from seem_video.evaluation.texts import Expressions


def read(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return Expressions.read(path)


def test_lines_name_sequence_and_object(tmp_path):
    found = read(tmp_path / "t.txt", 'bear 1 "a brown bear"\n\nbmx-trees 2 "a man, on a bike" \ndog "the dog"\n')
    assert found.of("bear", 1) == "a brown bear"
    assert found.of("bmx-trees", 2) == "a man, on a bike"
    assert found.of("dog", 1) == "the dog"


def test_the_second_annotators_files_are_not_utf_8(tmp_path):
    assert read(tmp_path / "t.txt", 'cows 1 "a café cow"\n', "latin-1").of("cows", 1) == "a café cow"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('dog 1 ""\n', "Line 1 of .* is no expression"),
        ("dog\n", "Line 1 of .* is no expression"),
        ('dog 1 "a"\ndog 1 "b"\n', "Line 2 of .* second for sequence dog, object 1"),
    ],
)
def test_a_line_that_says_nothing_clear_is_refused(text, sentence, tmp_path):
    with pytest.raises(SeemVideoError, match=sentence):
        read(tmp_path / "t.txt", text)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(SeemVideoError, match=r"Sequence dog, object 2: .*t\.txt has no expression"):
        read(tmp_path / "t.txt", 'dog 1 "a"\n').of("dog", 2)
    with pytest.raises(SeemVideoError, match=r"cannot be read.*mpi-inf\.mpg\.de"):
        Expressions.read(tmp_path / "gone.txt")
