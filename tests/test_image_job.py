"""`seem-video segment`: one command, an image or a folder of them, files that say what is where."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers import Finished, assert_refused, moving_square, write_clip
from tiny import filled

from seem_video.io.staging import Staged


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEEM_VIDEO_CACHE", str(tmp_path / "cache"))
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
    words = ["--box", "2:5,5,30,30", "--text", "2:a dog", "--object", "7", "--reference", image]
    words += ["--reference-click", "50,20", "--model", weights, "--device", "cpu", "--precision", "bf16"]
    finished = seem("segment", image, "--out", out, *words)
    assert finished.code == 0, finished.err
    assert cv2.imread(str(out / "overlay.png")).shape == (40, 60, 3)
    objects = json.loads((out / "masks.json").read_text())["objects"]
    assert {key: entry["label"] for key, entry in objects.items()} == {"2": "a dog", "7": "7"}
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


@pytest.mark.parametrize("task", ["panoptic", "instance", "semantic"])
def test_every_task_is_written_as_masks_and_json(
    seem: Callable[..., Finished], weights: Path, image: Path, tmp_path: Path, task: str
) -> None:
    out = tmp_path / "out"
    words = ["--labels", "dog,sky", "--task", task, "--model", weights, "--device", "cpu"]
    finished = seem("segment", image, "--out", out, *words)
    assert finished.code == 0, finished.err
    document = json.loads((out / "masks.json").read_text())
    assert {entry["label"] for entry in document["objects"].values()} <= {"dog", "sky"}
    assert (out / "masks").is_dir() == (task != "instance"), "instances may overlap"
    if task == "semantic":
        assert sum(entry["area"] for entry in document["frames"]["0"]["objects"].values()) == 40 * 60


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--model", "seem-nano", "--text", "dog"], "cannot segment images; these can: seem-focalt-v0"),
        (["--precision", "fp8"], "no precision 'fp8'"),
        (["--labels", ","], "no label in"),
        (["--labels", "gone.txt"], "'gone.txt' does not exist"),
        (["--task", "everything"], "no task 'everything'"),
        (["--task", "semantic", "--click", "5,5"], "leave one of them out"),
    ],
)
def test_mistakes_are_said_in_a_sentence(
    seem: Callable[..., Finished], weights: Path, image: Path, tmp_path: Path, words: list[str], sentence: str
) -> None:
    model = [] if "--model" in words else ["--model", weights, "--device", "cpu"]
    finished = seem("segment", image, "--out", tmp_path / "out", *words, *model)
    assert finished.code == 2
    assert sentence in finished.err


def test_a_text_that_is_too_long_is_cut_and_that_is_said(
    seem: Callable[..., Finished], weights: Path, image: Path, tmp_path: Path
) -> None:
    words = ["--text", "a very " * 100 + "brown dog", "--model", weights, "--device", "cpu"]
    with pytest.warns(UserWarning, match="longer than 77 tokens and was cut"):
        assert seem("segment", image, "--out", tmp_path / "out", *words).code == 0


def test_two_images_of_one_name_are_refused_before_anything_is_written(
    seem: Callable[..., Finished], weights: Path, image: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.bmp", "a.png"):
        cv2.imwrite(str(folder / name), cv2.imread(str(image)))
    finished = seem("segment", folder, "--out", tmp_path / "out", "--model", weights, "--overwrite")
    assert_refused(finished, "a.bmp' and 'a.png' would be written into a folder 'a'")
    assert not (tmp_path / "out").exists()


def test_hidden_files_of_a_folder_are_no_images(
    seem: Callable[..., Finished], weights: Path, image: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), cv2.imread(str(image)))
    (folder / "._a.png").write_bytes(b"what macOS knows of a.png")
    out = tmp_path / "out"
    finished = seem("segment", folder, "--out", out, "--click", "5,5", "--model", weights, "--device", "cpu")
    assert finished.code == 0, finished.err
    assert [path.name for path in out.iterdir()] == ["a"]


def test_a_prompt_on_a_later_frame_is_refused(seem: Callable[..., Finished], weights: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", moving_square(4))
    (tmp_path / "later.json").write_text(json.dumps([{"click": [5, 5], "at": 2}]))
    words = ["--prompts", tmp_path / "later.json", "--model", weights, "--device", "cpu"]
    assert_refused(seem("segment", clip, "--out", tmp_path / "out", *words), "frame 2 lies beyond the last frame")


def test_a_disk_that_fills_up_with_the_overlay_is_said(
    seem: Callable[..., Finished], weights: Path, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = Staged.publish

    def fail_last(staged: Staged) -> Path:
        if staged.final.name == "overlay.png":
            raise OSError(errno.ENOSPC, "no space left on device")
        return publish(staged)

    monkeypatch.setattr(Staged, "publish", fail_last)
    words = ["--click", "5,5", "--model", weights, "--device", "cpu"]
    assert_refused(seem("segment", image, "--out", tmp_path / "out", *words), "There is no room left")
