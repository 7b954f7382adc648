"""A user's mistake is one sentence and exit code 2, in the scripts of `tools/` as in the command itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from seem_video import SeemVideoError, terminal

TOOLS = Path(__file__).parents[1] / "tools"


def finish(monkeypatch: pytest.MonkeyPatch, command: object, *words: str) -> object:
    monkeypatch.setattr(sys, "argv", ["script", *words])
    with pytest.raises(SystemExit) as leaving:
        terminal.run(command, name="script")
    return leaving.value.code


def test_a_mistake_of_the_user_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def fail(times: int) -> None:
        raise SeemVideoError(f"Not {times} times.")

    assert finish(monkeypatch, fail, "3") == 2
    assert capsys.readouterr() == ("", "Error: Not 3 times.\n")
    assert finish(monkeypatch, fail, "often") == 2
    assert capsys.readouterr().err.endswith("see 'script --help'.\n")


def test_the_exit_code_is_that_of_the_command(monkeypatch: pytest.MonkeyPatch):
    app = typer.Typer()
    app.command()(lambda: 3)
    assert finish(monkeypatch, app) == 3


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch):
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        finish(monkeypatch, fail)


def test_ctrl_c_leaves_with_130(monkeypatch: pytest.MonkeyPatch):
    def stop() -> None:
        raise KeyboardInterrupt

    assert finish(monkeypatch, stop) == 130


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("evaluate_davis.py", ["--root", "nowhere", "--out", "out"]),
        ("benchmark_davis.py", ["--root", "nowhere"]),
        ("train.py", ["recipe.yaml", "--data", ".", "--out", "out"]),
    ],
)
def test_every_tool_says_a_mistake_in_a_sentence(tool: str, words: list[str], tmp_path: Path):
    (tmp_path / "recipe.yaml").write_text("steps: 3\n")
    finished = subprocess.run(
        [sys.executable, TOOLS / tool, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 2, finished.stderr
    assert finished.stderr.startswith("Error: ")
    assert finished.stderr.endswith(".\n")
    assert finished.stderr.count("\n") == 1
