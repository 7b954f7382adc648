"""A run that was cut short goes on where it stopped, and a session takes later prompts without tracking all over."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from kill_resume import contents

from seem_video import Box, Click, Polygon, PromptEntry, track
from seem_video.errors import SeemVideoError
from seem_video.tracking.session import VideoSession

SIZE = (96, 128)
COUNT = 16

KILLED_AT = """
import os, signal, sys
from seem_video import Box, track

def kill(result, expected):
    if result.index == {frame}:
        os.kill(os.getpid(), signal.SIGKILL)

track({source!r}, [Box(12, 30, 48, 66)], out={out!r}, on_frame=kill)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A red disc moving right over a quiet green ground."""
    source = tmp_path / "frames"
    source.mkdir()
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    for t in range(COUNT):
        frame = np.clip(np.array([60, 120, 70]) + rng.normal(0, 6, (*SIZE, 3)), 0, 255).astype(np.uint8)
        frame[(rows - 48) ** 2 + (columns - (30 + 2 * t)) ** 2 < 18**2] = (210, 40, 40)
        cv2.imwrite(str(source / f"{t:03d}.png"), frame[..., ::-1])
    return source


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("frame", [0, 7, COUNT - 1])
def test_a_killed_run_is_resumed_to_the_very_same_files(model, folder: Path, tmp_path: Path, frame: int) -> None:
    track(folder, [Box(12, 30, 48, 66)], out=tmp_path / "whole", model=model)
    code = KILLED_AT.format(frame=frame, source=str(folder), out=str(tmp_path / "parts"))
    killed = subprocess.run([sys.executable, "-c", code], timeout=600, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "parts/masks.json").exists()
    track(folder, [Box(12, 30, 48, 66)], out=tmp_path / "parts", model=model, resume=True)
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_a_run_that_failed_before_its_first_frame_leaves_an_empty_folder(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SeemVideoError):
        track(folder, [Click(30, 48)], out=tmp_path / "out", model="no-such-model")
    assert not list((tmp_path / "out").iterdir())


def test_resuming_with_other_prompts_is_refused(model, folder: Path, tmp_path: Path) -> None:
    def stop(result: object, expected: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        track(folder, [Box(12, 30, 48, 66)], out=tmp_path / "out", model=model, on_frame=stop)
    with pytest.raises(SeemVideoError, match="begun with another set of prompts"):
        track(folder, [Click(30, 48)], out=tmp_path / "out", model=model, resume=True)
    with pytest.raises(SeemVideoError, match="nothing can be resumed"):
        track(np.zeros((2, *SIZE, 3), np.uint8), [Click(3, 3)], out=tmp_path / "other", model=model, resume=True)


def test_a_session_takes_a_correction_later_and_keeps_what_came_before(model, folder: Path, tmp_path: Path) -> None:
    work = tmp_path / "work.seem"
    track(folder, [Box(12, 30, 48, 66)], out=tmp_path / "first", model=model, session=work)
    later = PromptEntry(Polygon([(80, 5), (120, 5), (120, 30), (80, 30)]), object_id=2, at=9)
    track(folder, [later], out=tmp_path / "second", model=model, session=work)
    first, second = (json.loads((tmp_path / name / "masks.json").read_text())["frames"] for name in ("first", "second"))
    for t in range(9):
        assert second[str(t)]["objects"]["1"] == first[str(t)]["objects"]["1"]
    assert second["9"]["objects"]["2"]["area"] > 0
    track(folder, [], out=tmp_path / "third", model=model, session=work)
    assert (tmp_path / "third/masks.json").read_bytes() == (tmp_path / "second/masks.json").read_bytes()


def test_a_run_killed_between_two_prompts_is_resumed_with_both(
    model, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [Box(12, 30, 48, 66), PromptEntry(Box(80, 5, 120, 30), object_id=2)]
    add = VideoSession.add

    def die_at_the_second(session: VideoSession, prompt: Box, *, object_id: int, **others: Any) -> None:
        if object_id == 2:
            raise KeyboardInterrupt
        add(session, prompt, object_id=object_id, **others)

    with monkeypatch.context() as patch:
        patch.setattr(VideoSession, "add", die_at_the_second)
        patch.setattr("seem_video.job.delete_session", lambda path: None)  # a killed run tidies nothing up
        with pytest.raises(KeyboardInterrupt):
            track(folder, prompts, out=tmp_path / "out", model=model, stop=3)
    summary = track(folder, prompts, out=tmp_path / "out", model=model, stop=3, resume=True)
    assert list(summary.visible) == [1, 2]


def test_a_prompt_that_comes_with_resume_and_a_session_is_not_ignored(model, folder: Path, tmp_path: Path) -> None:
    options = {"out": tmp_path / "out", "model": model, "session": tmp_path / "work.seem", "stop": 3}
    track(folder, [Box(12, 30, 48, 66)], **options)
    later = PromptEntry(Box(80, 5, 120, 30), object_id=2, at=2)
    assert list(track(folder, [later], resume=True, **options).visible) == [1, 2]
