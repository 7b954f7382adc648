"""Live sources as a user has them: frames may be dropped but never renumbered, and every end leaves whole files."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Finished, moving_square
from streams import packed, tcp_sender

from seem_video import Box, PromptEntry, SeemVideoError, open_session, track
from seem_video.io import live
from seem_video.io.reader import open_reader

BOX = Box(10, 20, 29, 39)
COUNT = 30
OUTPUTS = {"overlay.mp4", "masks", "masks.json", "contact_sheet.png"}


@pytest.fixture(scope="module")
def pieces() -> list[bytes]:
    return packed(moving_square(COUNT))


def test_in_real_time_files_keep_true_numbers_and_times_and_what_was_dropped_is_said(
    seem: Callable[..., Finished], pieces: list[bytes], tmp_path: Path
):
    out = tmp_path / "out"
    with tcp_sender(pieces, at_once=COUNT) as address:
        finished = seem("track", address, "--box", "10,20,29,39", "--realtime", "--out", out)
    assert finished.code == 0, finished.err
    said = re.search(r"masks (\d\.\d+) s \(median\), (\d\.\d+) s \(95 %\); (\d+) frames? dropped", finished.out)
    assert said
    frames = json.loads((out / "masks.json").read_text())["frames"]
    assert int(said[3]) == COUNT - len(frames) > 0
    assert 0 < float(said[1]) <= float(said[2])
    assert "0" in frames
    assert [entry["time_s"] for entry in frames.values()] == pytest.approx([int(i) / 25 for i in frames], abs=1e-3)
    assert {path.stem for path in (out / "masks").iterdir()} == {f"{int(i):05d}" for i in frames}
    times = [frame.time_s for frame in open_reader(out / "overlay.mp4")]
    assert times == pytest.approx([int(i) / 25 for i in frames], abs=1e-3)


def test_a_stream_that_stalls_leaves_whole_files_and_a_sentence(
    seem: Callable[..., Finished], pieces: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "_PATIENCE_S", 2.0)
    with tcp_sender(pieces[:6], at_once=COUNT, hangs=True) as address:
        finished = seem("track", address, "--box", "10,20,29,39", "--out", tmp_path / "out", "--quiet")
    assert finished.code == 3
    assert finished.err == f"Error: '{address}' broke off: nothing more came.\n"
    assert {path.name for path in (tmp_path / "out").iterdir()} == OUTPUTS


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_ends_a_pipe_with_whole_files(pieces: list[bytes], tmp_path: Path):
    out = tmp_path / "out"
    words = ["track", "-", "--box", "10,20,29,39", "--save", "overlay,masks,rle,contact", "--out", str(out)]
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "from seem_video.cli import main; main()"
    command = subprocess.Popen(
        [sys.executable, "-c", code, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert command.stdin
    for piece in pieces:
        command.stdin.write(piece)
    command.stdin.flush()
    written = out / ".masks.part"
    deadline = time.monotonic() + 300
    while not (written.is_dir() and len(list(written.iterdir())) > 5) and time.monotonic() < deadline:
        time.sleep(0.1)
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=300)
    assert command.returncode == 0, said.decode()
    assert {path.name for path in out.iterdir()} == OUTPUTS
    assert len(json.loads((out / "masks.json").read_text())["frames"]) == len(list((out / "masks").iterdir())) > 5


def test_a_prompt_for_the_frame_after_this_holds_though_that_one_is_dropped(model, pieces: list[bytes]):
    with (
        tcp_sender(pieces, at_once=COUNT - 5) as address,
        open_session(address, model, realtime=True) as session,
    ):
        session.add(BOX)
        seen = []
        for result in session.propagate():
            if not seen:
                session.add(Box(60, 45, 80, 60), object_id=2, frame=result.index + 1)
                time.sleep(0.5)
            seen.append(result)
    assert seen[1].index > 1, "the frame after the first one was dropped"
    assert seen[1].object_ids == (1, 2)
    assert seen[1].masks[1].any()
    assert all(result.latency_s is not None and result.latency_s > 0 for result in seen)


def test_a_prompt_beyond_the_end_of_a_stream_is_said(model, pieces: list[bytes], tmp_path: Path):
    with tcp_sender(pieces[:5], at_once=5) as address, pytest.raises(SeemVideoError, match="frame 99"):
        track(address, [BOX, PromptEntry(BOX, 2, at=99)], out=tmp_path / "out", model=model, realtime=True)


def test_a_video_in_real_time_takes_prompts_at_a_time_and_no_session(model, clip: Path, tmp_path: Path):
    with pytest.raises(SeemVideoError, match="real time"):
        track(clip, [BOX], out=tmp_path / "no", model=model, realtime=True, session=tmp_path / "work.seem")
    summary = track(clip, [BOX, PromptEntry(BOX, 2, at=3)], out=tmp_path / "out", model=model, realtime=True)
    assert summary.frames + summary.dropped == 6
    assert set(summary.visible) == {1, 2}
    assert (summary.latency_s() or 0) > 0


def test_ctrl_c_ends_a_video_in_real_time_with_whole_files(model, clip: Path, tmp_path: Path):
    def stop(result: object, expected: object) -> None:
        raise KeyboardInterrupt

    summary = track(clip, [BOX], out=tmp_path / "out", model=model, realtime=True, on_frame=stop)
    assert summary.frames == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == OUTPUTS
