"""What the tests share: the command line as a user calls it, one loaded model, and a small clip."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from helpers import Finished, moving_square, write_clip
from hypothesis import settings

from seem_video import cli
from seem_video.model import checkpoints

settings.register_profile("no deadline", deadline=None)  # how fast the machine is decides no test
settings.load_profile("no deadline")

_load_once = cache(checkpoints.load_model)


@pytest.fixture(scope="session")
def model():
    """seem-nano on the CPU, loaded once for all tests."""
    return _load_once("seem-nano", device="cpu")


@pytest.fixture
def seem(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Finished]:
    """Calls `seem-video` with these words; anything but an exit would be a traceback to a user, and fails the test."""
    monkeypatch.setattr(checkpoints, "load_model", _load_once)

    def call(*words: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["seem-video", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        return Finished(int(leaving.value.code or 0), *capsys.readouterr())

    return call


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Six frames of the moving square, 96x64."""
    return write_clip(tmp_path / "clip.mp4", moving_square())
