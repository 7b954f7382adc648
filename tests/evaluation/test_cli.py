"""The evaluation's commands, as a user types them."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from seem_video.errors import SeemVideoError
from seem_video.evaluation.cli import app

from .data import draw_dataset


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


def test_score_then_compare(tmp_path):
    annotations = draw_dataset(tmp_path / "gt", ["dog", "goat"])
    for out in ("a", "b"):
        result = run("score", "--gt", tmp_path / "gt", "--results", annotations, "--out", tmp_path / out, "--jobs", 1)
        assert result.exit_code == 0
        assert "100.0" in result.output
        assert (tmp_path / out / "report" / "index.html").is_file()
    compared = run("compare", tmp_path / "a", tmp_path / "b", "--json")
    assert json.loads(compared.output)["J&F"] == {"a": 1.0, "b": 1.0, "difference": 0.0, "low": 0.0, "high": 0.0}


def test_the_embedded_model_follows_two_objects_from_their_masks(tmp_path):
    annotations = draw_dataset(tmp_path / "gt", ["dog"], length=4)
    for path in (annotations / "dog").glob("*.png"):
        labels = np.asarray(Image.open(path)).repeat(6, 0).repeat(6, 1).copy()
        labels[100:130, 20:80] = 2
        Image.fromarray(labels).save(path)
        picture = np.stack([labels * 90, 255 - labels * 100, labels * 20 + 60], -1).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / "gt" / "JPEGImages" / "480p" / "dog" / f"{path.stem}.jpg")
    result = run("davis", "--root", tmp_path / "gt", "--out", tmp_path / "out", "--device", "cpu", "--json")
    assert result.exit_code == 0, result.exception
    printed = json.loads(result.stdout)
    assert list(printed["objects"]) == ["dog_1", "dog_2"]
    assert printed["frames_per_second"] > 0
    assert "confidence_correlation" in printed  # None here: every mask is as good as the others
    assert "rank correlation of predicted and true IoU" in (tmp_path / "out" / "report" / "index.html").read_text()


def test_a_mistake_is_an_error_for_the_command_line_to_say(tmp_path):
    result = run("score", "--gt", tmp_path, "--results", tmp_path, "--out", tmp_path / "out")
    assert isinstance(result.exception, SeemVideoError)
    assert "davischallenge.org" in str(result.exception)


def test_help_does_not_wait_for_pytorch():
    code = "import sys; from seem_video.evaluation import cli, scoring; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("command", ["davis", "score", "compare", "interactive"])
def test_every_command_has_help(command):
    assert run(command, "--help").exit_code == 0
