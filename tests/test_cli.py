"""The command line: the words of a user become prompts and options, and the results are said and written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers import Finished
from PIL import Image

import seem_video
from seem_video import Box, Click, PromptEntry, Scribble, Seconds, Text, cli, demo_clip
from seem_video.io.reader import open_reader
from seem_video.prompts import place

Seem = Callable[..., Finished]


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Takes down what the command would track, instead of tracking it."""
    calls: dict[str, Any] = {}

    def take_down(source: object, entries: list[PromptEntry], **options: object) -> int:
        calls.update(source=source, entries=entries, **options)
        return 0

    monkeypatch.setattr(cli, "_track", take_down)
    return calls


@pytest.mark.parametrize(
    ("words", "entries"),
    [
        ("--click 1,1 --object 2 --click 2,2", [PromptEntry(Click(1, 1), 1), PromptEntry(Click(2, 2), 2)]),
        ("--object 2 --click 1,1 --object 1 --click 2,2", [PromptEntry(Click(1, 1), 2), PromptEntry(Click(2, 2), 1)]),
        ("--object 2 --click 1,1 --click 3:5,5", [PromptEntry(Click(1, 1), 2), PromptEntry(Click(5, 5), 3)]),
        (
            "--click-neg 1,1 --box=0,0,9,9 --at 7 --click 2,2 --box 5,5,8,8 --at 0.5s --scribble 1,1;2,2",
            [
                PromptEntry(Click(1, 1, positive=False)),
                PromptEntry(Box(0, 0, 9, 9)),
                PromptEntry(Click(2, 2), at=7),
                PromptEntry(Box(5, 5, 8, 8), at=7),
                PromptEntry(Scribble([(1, 1), (2, 2)]), at=Seconds(0.5)),
            ],
        ),
        ("--text dog --object 2 --text cat", [PromptEntry(Text("dog")), PromptEntry(Text("cat"), 2)]),
    ],
)
def test_prompts_are_read_in_the_order_given(seem: Seem, tracked: dict[str, Any], words: str, entries: object):
    before, after = words.split()[:2], words.split()[2:]
    assert seem("track", *before, "clip.mp4", "--quiet", *after, "--out", "out").code == 0
    assert tracked["entries"] == entries
    assert tracked["source"] == "clip.mp4"


def test_options_reach_the_job(seem: Seem, tracked: dict[str, Any]):
    frames = ("--start", 3, "--stop", 9, "--stride", 2, "--max-side", 320)
    others = ("--model", "m", "--device", "cpu", "--precision", "bf16", "--overwrite", "--quiet")
    kept = ("--session", "work.seem", "--resume", "--realtime")
    seem("track", "clip.mp4", "--out", "there", "--save", "overlay,rle", "--save", "contact", *frames, *others, *kept)
    assert tracked == {
        "source": "clip.mp4",
        "entries": [],
        "out": Path("there"),
        "start": 3,
        "stop": 9,
        "stride": 2,
        "max_side": 320,
        "model": "m",
        "device": "cpu",
        "precision": "bf16",
        "overwrite": True,
        "session": Path("work.seem"),
        "resume": True,
        "realtime": True,
        "quiet": True,
        "save": ["overlay", "rle", "contact"],
    }


def test_a_click_becomes_an_overlay_masks_and_a_summary(seem: Seem, clip: Path, tmp_path: Path):
    out = tmp_path / "out"
    finished = seem("track", clip, "--click", "20,30", "--out", out)
    assert finished.code == 0
    first, *objects, last = finished.out.splitlines()
    assert re.fullmatch(
        r"6 frames of clip\.mp4 in \d+\.\d s, \d+\.\d frames/s \(decode \d+%, model \d+%, write \d+%\)", first
    )
    assert len(objects) == 1
    assert objects[0].startswith("object 1: visible in ")
    assert last == f"in {out}: overlay.mp4, masks/, masks.json, contact_sheet.png"
    assert "frames/s" in finished.err, "the progress bar"
    with av.open(str(out / "overlay.mp4")) as overlay:
        assert sum(1 for _ in overlay.decode(video=0)) == 6
    assert len(list((out / "masks").iterdir())) == 6
    assert Image.open(out / "masks" / "00000.png").size == (96, 64)


def test_a_mask_given_is_the_mask_of_its_frame(seem: Seem, clip: Path, tmp_path: Path):
    ids = np.zeros((64, 96), np.uint8)
    ids[20:40, 10:30], ids[50:60, 50:90] = 1, 2
    Image.fromarray(ids).save(tmp_path / "ids.png")
    words = ("--mask", tmp_path / "ids.png", "--save", "masks", "--out", tmp_path / "out", "--quiet")
    assert seem("track", clip, *words) == Finished(0, "", "")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["masks"]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "masks" / "00000.png")), ids)


def test_overwrite_replaces_what_is_there(seem: Seem, clip: Path, tmp_path: Path):
    words = ("track", clip, "--click", "20,30", "--save", "masks", "--quiet", "--out", tmp_path)
    assert seem(*words, "--overwrite").code == 0
    assert seem(*words, "--overwrite", "--stop", "2").code == 0
    assert len(list((tmp_path / "masks").iterdir())) == 2


def test_the_demo_ships_whole_with_its_credit(seem: Seem, tracked: dict[str, Any]):
    finished = seem("demo", "--out", "there")
    assert "Blender Foundation" in finished.out
    assert "CC BY 3.0" in finished.out
    assert tracked["out"] == Path("there")
    assert tracked["source"].stat().st_size <= 1_500_000
    with open_reader(tracked["source"]) as reader:
        assert list(place(tracked["entries"], reader, 0)) == [0]


def test_info_says_what_the_reader_sees(seem: Seem):
    table = seem("info", demo_clip.VIDEO)
    assert table.code == 0
    for fact in ("854x480", "25 frames/s", "132", "5.28 s", "h264", "yuv420p"):
        assert fact in table.out
    facts = json.loads(seem("info", demo_clip.VIDEO, "--json").out)
    assert (facts["width"], facts["height"], facts["fps"], facts["has_audio"]) == (854, 480, 25.0, True)


def test_models_are_listed_with_their_licence(seem: Seem):
    finished = seem("models")
    assert finished.code == 0
    assert "seem-nano" in finished.out
    assert "CC BY-NC 4.0" in " ".join(finished.out.split())
    assert "not for commercial use" in " ".join(finished.out.split())


def test_version_and_help(seem: Seem):
    assert seem("--version") == Finished(0, f"seem-video {seem_video.__version__}\n", "")
    for words in ((), ("--help",)):
        assert "track" in seem(*words).out
    for command in ("track", "segment"):
        assert "--click-neg" in seem(command, "--help").out
    assert "--at" not in seem("segment", "--help").out, "an image has no second frame"


@pytest.mark.parametrize("words", [["--help"], ["track", "--help"], ["info", str(demo_clip.VIDEO)]])
def test_what_needs_no_model_starts_without_torch(words: list[str]):
    script = (
        "import sys, runpy\n"
        "try: runpy.run_module('seem_video', run_name='__main__')\n"
        "finally: print('slow' if 'torch' in sys.modules else 'quick')"
    )
    finished = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=60)
    assert finished.stdout.splitlines()[-1] == "quick", finished.stderr


def test_a_fault_of_ours_keeps_its_traceback(seem: Seem, monkeypatch: pytest.MonkeyPatch):
    def fault(*_: object, **__: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "_track", fault)
    with pytest.raises(ZeroDivisionError):
        seem("track", "clip.mp4", "--click", "1,1", "--out", "out")
