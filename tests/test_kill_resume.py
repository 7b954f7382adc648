"""The tool that kills runs and resumes them, on a clip of a few frames; test_resume.py kills at chosen frames."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helpers import moving_square, write_clip
from kill_resume import kill_and_resume


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_two_kills_change_nothing_in_the_files(tmp_path: Path):
    clip = write_clip(tmp_path / "clip.mp4", moving_square(12))
    words = [sys.executable, "-m", "seem_video", "track", str(clip), "--click", "20,30", "--quiet", "--device", "cpu"]
    tally = kill_and_resume(words, tmp_path, kills=2)
    assert (tally.kills, tally.different) == (2, 0)
    assert tally.runs >= 1
