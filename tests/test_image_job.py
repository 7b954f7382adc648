"""`seem-video segment`: one command, an image or a folder of them, files that say what is where."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers import Finished
from tiny import filled


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.save(filled("tiny_focal", vocabulary=49_408, context=77), tmp_path / "seem_tiny_v1.pt")
    return tmp_path / "seem_tiny_v1.pt"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "scene.png"), pixels)
    return tmp_path / "scene.png"


def test_prompted_objects_are_written_under_their_ids(
    seem: Callable[..., Finished], weights: Path, image: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["--box", "2:5,5,30,30", "--click", "7:50,20", "--text", "a dog", "--model", weights, "--device", "cpu"]
    finished = seem("segment", image, "--out", out, *words)
    assert finished.code == 0, finished.err
    assert cv2.imread(str(out / "overlay.png")).shape == (40, 60, 3)
    assert list(json.loads((out / "masks.json").read_text())["objects"]) == ["2", "7"]
    assert (out / "masks" / "00000.png").is_file()


def test_a_folder_without_prompts_gives_everything_with_labels_for_each_image(
    seem: Callable[..., Finished], weights: Path, image: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), cv2.imread(str(image)))
    cv2.imwrite(str(folder / "b.png"), cv2.imread(str(image))[:30])
    finished = seem("segment", folder, "--out", out, "--labels", "dog,sky", "--model", weights, "--device", "cpu")
    assert finished.code == 0, finished.err
    assert json.loads((out / "b" / "masks.json").read_text())["size"] == [30, 60]
    assert (out / "a" / "overlay.png").is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--model", "seem-nano", "--text", "dog"], "has no text encoder"),
        (["--labels", ","], "no label in"),
        (["--reference", "x.png"], "give --reference-mask with it"),
        (["--reference", "none.png", "--reference-mask", "none.png"], "no file or folder"),
        (["--text", " "], "text prompt is empty"),
    ],
)
def test_mistakes_are_said_in_a_sentence(
    seem: Callable[..., Finished], weights: Path, image: Path, tmp_path: Path, words: list[str], sentence: str
) -> None:
    model = [] if "--model" in words else ["--model", weights, "--device", "cpu"]
    finished = seem("segment", image, "--out", tmp_path / "out", *words, *model)
    assert finished.code == 2
    assert sentence in finished.err
