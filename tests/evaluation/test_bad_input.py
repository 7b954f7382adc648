"""What bad data gets: one sentence that names sequence and frame, exit code 2, and what was done stays done."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import Finished, assert_refused
from PIL import Image

from .data import draw_dataset

Seem = Callable[..., Finished]


@pytest.fixture
def data(tmp_path: Path) -> tuple[Path, Path]:
    """A DAVIS root of two sequences, and results that equal its annotations."""
    annotations = draw_dataset(tmp_path / "gt", ["dog", "goat"])
    shutil.copytree(annotations, tmp_path / "results")
    return tmp_path / "gt", tmp_path / "results"


def score(seem: Seem, data: tuple[Path, Path], *words: object, jobs: int = 1) -> Finished:
    gt, results = data
    return seem("eval", "score", "--gt", gt, "--results", results, "--out", gt.parent / "out", "--jobs", jobs, *words)


def _no_folder(results: Path) -> str:
    shutil.rmtree(results / "goat")
    return "Sequence goat, frame 00001: there is no"


def _no_frame(results: Path) -> str:
    (results / "goat" / "00002.png").unlink()
    return "Sequence goat, frame 00002: there is no"


def _extra_id(results: Path) -> str:
    Image.fromarray(np.full((24, 32), 3, np.uint8)).save(results / "goat" / "00002.png")
    return "Sequence goat, frame 00002: the result holds id 3"


def _other_size(results: Path) -> str:
    Image.fromarray(np.zeros((24, 30), np.uint8)).save(results / "goat" / "00002.png")
    return "Sequence goat, frame 00002: the result is 30x24, the annotation 32x24"


def _colours(results: Path) -> str:
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(results / "goat" / "00002.png")
    return "Sequence goat, frame 00002: "


def _half_a_file(results: Path) -> str:
    path = results / "goat" / "00002.png"
    path.write_bytes(path.read_bytes()[:40])
    return "Sequence goat, frame 00002: "


@pytest.mark.parametrize("spoil", [_no_folder, _no_frame, _extra_id, _other_size, _colours, _half_a_file])
def test_results_that_cannot_be_scored_name_the_frame(spoil: Callable[[Path], str], seem: Seem, data):
    sentence = spoil(data[1])
    assert_refused(score(seem, data), sentence)
    out = data[0].parent / "out"
    assert [path.name for path in (out / "scores").iterdir()] == ["dog.json"]
    assert not list(out.glob("*.csv"))


def test_with_several_processes_what_was_done_stays_done_in_whatever_order(seem: Seem, tmp_path: Path):
    annotations = draw_dataset(tmp_path / "gt", ["bad", "dog"])
    shutil.copytree(annotations, tmp_path / "results")
    (tmp_path / "results" / "bad" / "00003.png").unlink()
    assert_refused(score(seem, (tmp_path / "gt", tmp_path / "results"), jobs=2), "Sequence bad, frame 00003")
    assert (tmp_path / "out" / "scores" / "dog.json").is_file()


def test_an_empty_list_and_an_unknown_set_are_named(seem: Seem, data):
    assert_refused(score(seem, data, "--set", "holiday"), "no set holiday of year 2017", "sets there: val")
    (data[0] / "ImageSets" / "2017" / "val.txt").write_text("")
    assert_refused(score(seem, data), "val.txt lists no sequence")


def test_no_table_of_an_earlier_scoring_survives_a_failed_one(seem: Seem, data):
    assert score(seem, data).code == 0
    _no_frame(data[1])
    assert_refused(score(seem, data), "Sequence goat")
    out = data[0].parent / "out"
    assert not list(out.glob("*.csv"))
    assert not (out / "report" / "index.html").exists()


def test_scores_of_other_sequences_are_never_mixed_in(seem: Seem, data):
    assert score(seem, data).code == 0
    (data[0] / "ImageSets" / "2017" / "val.txt").write_text("dog\n")
    assert_refused(score(seem, data), "holds scores of sequence goat, which is not in this set")


@pytest.mark.parametrize("spoil", ["annotation of another size", "broken picture"])
def test_a_run_names_the_frame_it_cannot_use_and_keeps_what_is_done(spoil: str, seem: Seem, data):
    gt = data[0]
    if spoil == "broken picture":
        (gt / "JPEGImages" / "480p" / "goat" / "00003.jpg").write_bytes(b"no picture")
        words = ("goat", "00003")
    else:
        for path in (gt / "Annotations" / "480p" / "goat").iterdir():
            Image.fromarray(np.pad(np.asarray(Image.open(path)), 4)).save(path)
        words = ("Sequence goat, frame 00000: ",)
    finished = seem("eval", "davis", "--root", gt, "--out", gt.parent / "out", "--jobs", 1, "--device", "cpu", "--json")
    assert_refused(finished, *words)
    assert list(json.loads((gt.parent / "out" / "run.json").read_text())["sequences"]) == ["dog"]
    assert [path.name for path in (gt.parent / "out" / "masks").glob("[!.]*")] == ["dog"]


def test_an_image_without_mask_is_named(seem: Seem, data):
    gt = data[0]
    images, masks = gt / "JPEGImages" / "480p" / "dog", gt / "Annotations" / "480p" / "dog"
    (masks / "00004.png").unlink()
    words = ("--images", images, "--masks", masks, "--out", gt.parent / "out")
    assert_refused(seem("eval", "interactive", *words), "00004.jpg has no mask")
    assert_refused(seem("eval", "interactive", "--root", gt, *words), "either --root, or --images and --masks")
