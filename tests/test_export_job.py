"""export: what is written later from masks.json is what tracking would have written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Finished, moving_square, write_clip

from seem_video import Click, SeemVideoError, export, track
from seem_video.commands.options import SAVE_HELP
from seem_video.io.writer import FILES, USUAL

Seem = Callable[..., Finished]
EVERYTHING = sorted(FILES)


def contents(path: Path) -> list[bytes]:
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return [file.read_bytes() for file in files]


@pytest.fixture
def tracked(clip: Path, tmp_path: Path, model) -> Path:
    track(clip, [Click(20, 30)], out=tmp_path / "tracked", model=model, save=["rle"], start=1)
    return tmp_path / "tracked"


def test_every_output_is_the_same_while_tracking_and_later(clip: Path, tmp_path: Path, tracked: Path, model):
    summary = track(clip, [Click(20, 30)], out=tmp_path / "both", model=model, save=EVERYTHING, start=1)
    assert sorted(path.name for path in summary.files) == sorted(FILES.values())
    later = export(tracked, clip, save=EVERYTHING, out=tmp_path / "later")
    assert sorted(path.name for path in later) == sorted(FILES.values())
    drawn = {"overlay.mp4", "contact_sheet.png", "preview.gif", "preview.webp"}  # these show the prompts, if they can
    for path in later:
        if path.name not in drawn:
            assert contents(path) == contents(tmp_path / "both" / path.name), path.name


def test_the_command_writes_beside_the_masks(seem: Seem, clip: Path, tracked: Path):
    finished = seem("export", tracked, clip, "--save", "coco,green")
    assert finished.code == 0
    assert finished.out.split() == [str(tracked / "coco.json"), str(tracked / "green_screen.mp4")]
    assert {path.name for path in tracked.iterdir()} == {"masks.json", "coco.json", "green_screen.mp4"}
    again = seem("export", tracked, clip, "--save", "coco")
    assert again.code == 2
    assert "coco.json already; add --overwrite" in again.err
    assert seem("export", tracked, clip, "--save", "coco", "--overwrite", "--quiet") == Finished(0, "", "")


def test_another_source_is_refused(tracked: Path, tmp_path: Path):
    for name, images in (("small", moving_square(6, 32, 48)), ("short", moving_square(3))):
        other = write_clip(tmp_path / f"{name}.mp4", images)
        with pytest.raises(SeemVideoError, match="give the source that was tracked"):
            export(tracked, other, save=["coco"], out=tmp_path / name)
        assert not (tmp_path / name / "coco.json").exists()


def test_a_folder_without_whole_masks_is_refused(clip: Path, tmp_path: Path):
    with pytest.raises(SeemVideoError, match="a run that saved rle"):
        export(tmp_path, clip, save=["coco"])
    for text in ("{", "[]", json.dumps({"size": [1, 2], "frames": {"0": {}}, "objects": {}})):
        (tmp_path / "masks.json").write_text(text)
        with pytest.raises(SeemVideoError, match="of a whole run"):
            export(tmp_path, clip, save=["coco"])


def test_help_names_every_output():
    assert all(name in SAVE_HELP for name in FILES)
    assert ", ".join(USUAL) in SAVE_HELP
