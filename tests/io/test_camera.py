"""A camera as FFmpeg's own code for Linux meets it: `v4l2_camera.c` stands in for the device and its driver."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from helpers import Finished, assert_refused
from PIL import Image

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("cc"), reason="needs Linux and a C compiler (cc) to make a camera"
)

WIDTH, HEIGHT, SIDE = 256, 192, 80
SHOTS = 90  # the camera shows them over and over
SLOW = 15  # frames a second for which the model has time
Camera = Callable[..., Finished]

READ = """
import sys
import numpy as np
from seem_video.io import live
from seem_video.io.reader import open_reader

live._PATIENCE_S = 1.0
with open_reader(sys.argv[1], stop=int(sys.argv[2])) as reader:
    frames = list(reader)
    said = [reader.info.kind, reader.info.codec, str(reader.info.fps), str(reader.broken)]
held = iter(open_reader(0))  # a camera that is never closed must do no harm at the end
next(held)
np.savez(sys.argv[3], images=[f.image for f in frames], times=[f.time_s for f in frames],
         indices=[f.index for f in frames], said=said)
"""

REFUSE = """
import os, sys
from seem_video import cli

for fault in sys.argv[1:]:
    os.environ["CAMERA_FAILS"] = fault
    sys.argv = ["seem-video", "track", "0", "--box", "1,2,3,4", "--out", "out"]
    try:
        cli.main()
    except SystemExit as leaving:
        print(leaving.code)
"""

FOLLOW = """
from seem_video import Box, open_session
from seem_video.model.checkpoints import load_model

with open_session(0, load_model("seem-nano", device="cpu"), realtime=True, stop=5) as session:
    session.add(Box(20, 60, 99, 139))
    for result in session.propagate():
        print(result.index, result.masks[0].sum(), result.latency_s)
"""


def square(number: int) -> npt.NDArray[np.bool_]:
    """(H, W): where the square is on a frame of the camera; it moves right by a pixel a frame."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[60 : 60 + SIDE, 20 + number : 20 + number + SIDE] = True
    return mask


def shot(number: int) -> npt.NDArray[np.uint8]:
    """(H, W, 3) RGB: what the camera sees."""
    return np.where(square(number)[..., None], (230, 200, 60), (40, 90, 70)).astype(np.uint8)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the camera and what it sees, as it is sent raw and as JPEG."""
    folder = tmp_path_factory.mktemp("camera")
    source = Path(__file__).with_name("v4l2_camera.c")
    libraries = ["-lm", "-ldl"]
    subprocess.run(
        ["cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", folder / "camera.so", source, *libraries],
        check=True,
    )
    with (folder / "raw").open("wb") as raw, (folder / "jpeg").open("wb") as jpeg:
        for number in range(SHOTS):
            picture = av.VideoFrame.from_ndarray(shot(number), format="rgb24")
            raw.write(picture.reformat(format="yuyv422").to_ndarray().tobytes())
            packed = io.BytesIO()
            Image.fromarray(shot(number)).save(packed, "jpeg", quality=92, subsampling="4:2:2")
            jpeg.write(packed.getvalue().ljust(2 * WIDTH * HEIGHT, b"\0"))
    return folder


@pytest.fixture
def camera(device: Path, tmp_path: Path) -> Camera:
    """Calls Python with these words where /dev/video0 is a camera.

    Its rates are `raw` and, unless None, `jpeg`; `fails` and `tears` are for `v4l2_camera.c`. Freed memory is
    overwritten, so that a frame which is used or returned after the camera is closed is a crash.
    """

    def call(
        *words: object, raw: int = 30, jpeg: int | None = None, fails: str = "", tears: str | None = None
    ) -> Finished:
        told = {"CAMERA_SIZE": f"{WIDTH} {HEIGHT}", "CAMERA_YUYV": f"{raw} {device / 'raw'}", "CAMERA_FAILS": fails}
        told |= {"CAMERA_MJPG": f"{jpeg} {device / 'jpeg'}"} if jpeg else {}
        told |= {"CAMERA_TEARS": tears} if tears else {}
        told |= {"LD_PRELOAD": str(device / "camera.so"), "OMP_NUM_THREADS": "1"}
        told |= {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.perturb=85"}
        told |= {"PYTHONPATH": str(Path(__file__).parents[2])}
        finished = subprocess.run(
            [sys.executable, *map(str, words)],
            cwd=tmp_path,
            env=os.environ | told,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Finished(finished.returncode, finished.stdout, finished.stderr)

    return call


def assert_seen(images: npt.NDArray[np.uint8], times: npt.NDArray[np.float64], rate: int) -> None:
    """Each image is what the camera saw at its time."""
    for image, time_s in zip(images, times, strict=True):
        expected = shot(round(time_s * rate)).astype(int)
        off = np.abs(image - expected).max(axis=2)
        assert image.shape == (HEIGHT, WIDTH, 3)
        assert np.median(off) <= 3, "the colours are the camera's"
        assert (off > 30).mean() < 0.02, "the square is where it was, but for its edges' coarser colours"


@pytest.mark.parametrize(
    ("source", "raw", "jpeg", "codec", "rate"),
    [
        ("0", 60, 60, "rawvideo", 30),
        ("/dev/video0", 10, 30, "mjpeg", 30),  # as of a USB camera at a large size
        ("0", 15, None, "rawvideo", 15),
    ],
)
def test_every_frame_of_a_camera_is_what_it_saw_then(
    camera: Camera, tmp_path: Path, source: str, raw: int, jpeg: int | None, codec: str, rate: int
):
    finished = camera("-c", READ, source, 20, tmp_path / "read.npz", raw=raw, jpeg=jpeg)
    assert finished == (0, "", "")
    read = np.load(tmp_path / "read.npz")
    assert list(read["said"]) == ["camera", codec, str(float(rate)), "None"]
    assert list(read["indices"]) == list(range(20))
    assert read["times"] == pytest.approx(np.arange(20) / rate, abs=1e-3)
    assert_seen(read["images"], read["times"], rate)


@pytest.mark.parametrize(
    ("fault", "said"), [(errno.ENODEV, "reading failed (no such device)"), (errno.EAGAIN, "nothing more came")]
)
def test_a_camera_that_ends_gives_what_it_saw_but_damaged_frames(camera: Camera, tmp_path: Path, fault: int, said: str):
    code = READ.split("held")[0] + READ.split("next(held)\n")[1]
    finished = camera("-c", code, "0", 60, tmp_path / "read.npz", fails=f"DQBUF {fault} 12", tears="4")
    assert finished == (0, "", "")
    read = np.load(tmp_path / "read.npz")
    assert read["said"][-1] == f"'camera 0' broke off: {said}."
    assert list(read["indices"]) == list(range(11))
    assert read["times"] == pytest.approx(np.array([0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]) / 30, abs=1e-3)
    assert_seen(read["images"], read["times"], 30)


def test_a_camera_is_tracked_in_real_time(camera: Camera, tmp_path: Path):
    words = ["-m", "seem_video", "track", "0", "--box", "20,60,99,139", "--realtime", "--stop", 60, "--out", "out"]
    finished = camera(*words, raw=SLOW)
    assert finished.code == 0, finished.err
    assert "camera:" not in finished.err, "no frame is held when the camera stops"
    said = re.search(r"(\d\.\d+) s \(median\), (\d\.\d+) s \(95 %\); (\d+) frames? dropped", finished.out)
    assert said
    frames = json.loads((tmp_path / "out/masks.json").read_text())["frames"]
    assert int(said[3]) == 60 - len(frames)
    assert {path.stem for path in (tmp_path / "out/masks").iterdir()} == {f"{int(i):05d}" for i in frames}
    assert max(map(int, frames)) == 59
    for index in sorted(map(int, frames))[-3:]:
        mask = np.asarray(Image.open(tmp_path / f"out/masks/{index:05d}.png")) > 0
        truth = square(round(frames[str(index)]["time_s"] * SLOW))
        assert (mask & truth).sum() / (mask | truth).sum() > 0.5
    assert (square(0) & square(59)).sum() / (square(0) | square(59)).sum() < 0.2, "a mask that stays behind is told"


def test_a_camera_that_is_unplugged_leaves_whole_files_and_a_sentence(camera: Camera, tmp_path: Path):
    words = ["-m", "seem_video", "track", "0", "--box", "20,60,99,139", "--realtime", "--out", "out", "--quiet"]
    finished = camera(*words, fails=f"DQBUF {errno.ENODEV} 20")
    assert finished == (3, "", "Error: 'camera 0' broke off: reading failed (no such device).\n")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"overlay.mp4", "masks", "masks.json", "contact_sheet.png"}
    frames = json.loads((tmp_path / "out/masks.json").read_text())["frames"]
    assert max(map(int, frames)) == 19
    assert len(list((tmp_path / "out/masks").iterdir())) == len(frames)


def test_a_camera_that_cannot_be_had_is_said(camera: Camera, tmp_path: Path):
    missing, refused = f"open {errno.ENOENT} 0", f"open {errno.EACCES} 0"
    busy = [f"{call} {errno.EBUSY} 0" for call in ("open", "S_FMT", "STREAMON")]
    finished = camera("-c", REFUSE, missing, refused, *busy)
    assert finished.code == 0
    assert finished.out == "2\n" * 5
    why = ["no such file or directory", "permission denied", *["device or resource busy"] * 3]
    for line, reason in zip(finished.err.splitlines(keepends=True), why, strict=True):
        assert_refused(Finished(2, "", line), "camera 0", reason)
    assert not (tmp_path / "out").exists()


def test_a_session_takes_a_camera_by_its_number(camera: Camera):
    finished = camera("-c", FOLLOW, raw=SLOW)
    assert finished.code == 0, finished.err
    rows = [line.split() for line in finished.out.splitlines()]
    assert rows[0][0] == "0"
    assert rows[-1][0] == "4"
    assert all(abs(int(pixels) - SIDE**2) < SIDE**2 / 3 and float(latency) > 0 for _, pixels, latency in rows)
