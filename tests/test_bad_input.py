"""What bad input gets: one sentence on stderr, exit code 2, no traceback, and nothing lost or half-written."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from helpers import Finished, assert_refused, moving_square, run_with_a_small_disk, write_clip
from PIL import Image

Seem = Callable[..., Finished]

CLICK = ("--click", "20,30")


def _nothing(tmp_path: Path) -> Path:
    return tmp_path / "gone.mp4"


def _folder_without_images(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "notes.txt").write_text("no images here")
    return folder


def _text_named_mp4(tmp_path: Path) -> Path:
    path = tmp_path / "text.mp4"
    path.write_text("this is not a video\n" * 50)
    return path


def _sound_only(tmp_path: Path) -> Path:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        for k in range(10):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.rate, frame.pts = 44_100, 1024 * k
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _zero_frames(tmp_path: Path) -> Path:
    """A whole index and none of the frames it lists."""
    path = write_clip(tmp_path / "zero.mp4", moving_square())
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 4])
    return path


@pytest.mark.parametrize("make", [_nothing, _folder_without_images, _text_named_mp4, _sound_only, _zero_frames])
@pytest.mark.parametrize("command", ["track", "info"])
def test_sources_without_frames(seem: Seem, tmp_path: Path, make: Callable[[Path], Path], command: str):
    source = make(tmp_path)
    out = tmp_path / "out"
    options = ("--out", out, *CLICK) if command == "track" else ()
    assert_refused(seem(command, source, *options), source.name)
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--click", "96,5"), "click 96,5 lies outside the 96x64 frame"),
        (("--click", "0.5,0.4"), "50%,40%"),
        (("--click", "120%,40%"), "120%"),
        (("--click", "left"), "'left'"),
        (("--box", "30,30,30,50"), "box 30,30,30,50 has no area"),
        (("--click-neg", "20,30"), "negative prompts alone"),
        ((), "No prompt says what to track"),
        ((*CLICK, "--at", "6", "--click", "5,5"), "frame 6 lies beyond the last frame"),
        ((*CLICK, "--at", "2s", "--click", "5,5"), "2s lies beyond the last frame"),
        ((*CLICK, "--start", "6"), "ends before frame 6"),
        ((*CLICK, "--start", "3", "--stop", "3"), "stop"),
        ((*CLICK, "--model", "seem-giant"), "seem-nano"),
        ((*CLICK, "--model", "gone.safetensors"), "gone.safetensors"),
        ((*CLICK, "--device", "cuda:77"), "cuda:77"),
        ((*CLICK, "--device", "toaster"), "toaster"),
        ((*CLICK, "--save", "overlay,jpeg"), "jpeg"),
        ((*CLICK, "--stride", "0"), "--stride"),
        ((*CLICK, "--max-side", "many"), "--max-side"),
        ((*CLICK, "--colour", "red"), "--colour"),
        (("--click",), "--click"),
        (("--prompts", "gone.json"), "gone.json"),
        (("--mask", "gone.png"), "gone.png"),
        (("--text", " "), "text prompt is empty"),
        (("--text", "the red square"), "seem-nano cannot look for the text 'the red square'; these can: seem-focalt"),
        (("--reference", "gone.jpg", "--reference-box", "1,1,5,5"), "gone.jpg"),
        ((*CLICK, "--reference-box", "1,1,5,5"), "give --reference before it"),
        ((*CLICK, "--precision", "fp8"), "no precision 'fp8'"),
    ],
)
def test_options_that_do_not_fit(seem: Seem, clip: Path, tmp_path: Path, options: tuple[str, ...], words: str):
    out = tmp_path / "out"
    assert_refused(seem("track", clip, "--out", out, *options), words)
    assert not list(out.glob("*"))


def test_a_mask_of_another_size(seem: Seem, clip: Path, tmp_path: Path):
    Image.fromarray(np.full((32, 48), 255, np.uint8)).save(tmp_path / "mask.png")
    refused = seem("track", clip, "--out", tmp_path / "out", "--mask", tmp_path / "mask.png")
    assert_refused(refused, "mask is 48x32 and the frame 96x64")


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ((), "has no region"),
        (("--reference-click", "5,5,-"), "has no region"),
        (("--reference-box", "90,90,99,99"), "reference.png': The box 90,90,99,99 lies wholly outside the 48x32"),
        (("--reference-mask", "gone.png"), "gone.png"),
        (("--reference-click", "left"), "--reference-click"),
        (("--reference-box", "5,5,20,20"), "seem-nano cannot look for the reference image"),
    ],
)
def test_reference_images_that_show_nothing(seem: Seem, clip: Path, tmp_path: Path, marks: tuple[str, ...], words: str):
    Image.fromarray(np.full((32, 48, 3), 99, np.uint8)).save(tmp_path / "reference.png")
    given = ("--reference", tmp_path / "reference.png", *marks)
    assert_refused(seem("track", clip, "--out", tmp_path / "out", *given), words)


def test_a_reference_image_that_is_no_image(seem: Seem, clip: Path, tmp_path: Path):
    (tmp_path / "notes.png").write_text("no image")
    given = ("--reference", tmp_path / "notes.png", "--reference-click", "5,5")
    assert_refused(seem("track", clip, "--out", tmp_path / "out", *given), "notes.png")


def test_a_folder_with_something_in_it_is_left_alone(seem: Seem, clip: Path, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "overlay.mp4").write_text("last week's work")
    assert_refused(seem("track", clip, "--out", out, *CLICK), "out", "--overwrite")
    assert [path.name for path in out.iterdir()] == ["overlay.mp4"]
    assert (out / "overlay.mp4").read_text() == "last week's work"


def test_a_full_folder_is_refused_before_any_work(seem: Seem, clip: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").touch()
    refused = seem("track", clip, "--out", tmp_path / "out", *CLICK, "--model", "seem-giant")
    assert_refused(refused, "--overwrite")


def test_out_that_cannot_be_a_folder(seem: Seem, clip: Path, tmp_path: Path):
    assert_refused(seem("track", clip, "--out", clip, *CLICK), "clip.mp4")
    assert_refused(seem("track", clip, "--out", clip / "out", *CLICK), "clip.mp4")
    assert clip.stat().st_size > 0


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_out_without_permission(seem: Seem, clip: Path, tmp_path: Path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert_refused(seem("track", clip, "--out", locked / "out", *CLICK), "locked")


def test_a_truncated_video_is_tracked_as_far_as_it_decodes(seem: Seem, tmp_path: Path):
    clip = write_clip(tmp_path / "cut.mp4", moving_square(frames=12))
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 4 // 5])
    finished = seem("track", clip, "--out", tmp_path / "out", *CLICK, "--save", "overlay,masks,rle")
    assert finished.code == 3
    assert re.fullmatch(r"Error: [^\n]*cut\.mp4[^\n]*\n", finished.err.splitlines(keepends=True)[-1])
    assert "Traceback" not in finished.err
    masks = sorted((tmp_path / "out" / "masks").iterdir())
    assert 0 < len(masks) < 12
    assert f"{len(masks)} frames of cut.mp4" in finished.out
    with av.open(str(tmp_path / "out" / "overlay.mp4")) as overlay:
        assert sum(1 for _ in overlay.decode(video=0)) == len(masks)


def test_ctrl_c_closes_what_was_begun_and_names_it_partial(tmp_path: Path):
    clip = write_clip(tmp_path / "long.mp4", np.concatenate([moving_square(frames=20)] * 50))
    out = tmp_path / "out"
    words = [sys.executable, "-m", "seem_video", "track", clip, "--out", out, *CLICK, "--quiet", "--device", "cpu"]

    def heed_ctrl_c() -> None:  # a background job starts with it ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c) as running:
        deadline = time.monotonic() + 120
        while len(list(out.rglob("*.png"))) < 3 and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert re.fullmatch(r"Stopped after \d+ frames: [^\n]+ partial; [^\n]+ --resume [^\n]+\.\n", err)
    names = {path.name for path in out.iterdir() if not path.name.startswith(".unfinished")}
    assert names
    assert all("partial" in name for name in names), names
    [overlay] = out.glob("overlay*.mp4")
    with av.open(str(overlay)) as container:
        assert sum(1 for _ in container.decode(video=0)) >= 3


def test_a_full_disk_is_said_and_nothing_half_written_has_a_final_name(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 128, 128, 3), np.uint8)
    clip = write_clip(tmp_path / "noise.mp4", noise)
    disk = tmp_path / "disk"
    disk.mkdir()
    track = [sys.executable, "-m", "seem_video", "track", clip, "--out", disk, *CLICK, "--quiet"]
    finished = run_with_a_small_disk(disk, *track)
    assert finished.returncode == 2
    assert re.fullmatch(r"Error: There is no room left[^\n]+\.\n", finished.stderr)
    assert all("partial" in name for name in finished.stdout.split()), finished.stdout
