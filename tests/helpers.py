"""Small clips made on the spot, and what a command leaves behind."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt
import pytest

Images = npt.NDArray[np.uint8]  # (T, H, W, 3) RGB


class Finished(NamedTuple):
    """A command's exit code and what it printed."""

    code: int
    out: str
    err: str


def assert_refused(finished: Finished, *words: str) -> None:
    """A mistake: exit code 2, nothing printed but one sentence, with these words in it."""
    assert finished.code == 2
    assert finished.out == ""
    assert re.fullmatch(r"Error: [^\n]+\.\n", finished.err), f"one sentence, not {finished.err!r}"
    for word in words:
        assert word in finished.err


def moving_square(frames: int = 6, height: int = 64, width: int = 96) -> Images:
    """A red square of 20 pixels that moves right over a green ground, 2 pixels a frame from x = 10, y = 20."""
    images = np.full((frames, height, width, 3), (40, 120, 60), np.uint8)
    images += np.arange(width, dtype=np.uint8)[None, None, :, None] // 4
    for t, image in enumerate(images):
        image[20:40, 10 + 2 * t : 30 + 2 * t] = (220, 30, 30)
    return images


def write_clip(path: Path, images: Images) -> Path:
    """Writes the images as an H.264 clip of 25 frames a second, its index first, so that a cut file still opens."""
    with av.open(str(path), "w", options={"movflags": "+faststart"} if path.suffix == ".mp4" else {}) as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12", "g": "4", "bf": "0"})
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


_ON_A_SMALL_DISK = 'mount -t tmpfs -o size=64k none "$1" || exit 77; "${@:2}"; code=$?; ls "$1"; exit $code'


def run_with_a_small_disk(folder: Path, *command: object) -> subprocess.CompletedProcess[str]:
    """Runs a command while a folder is a disk of 64 KiB, and lists at last what is in that folder."""
    if not shutil.which("unshare"):
        pytest.skip("needs unshare to make a small disk")
    shell = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", _ON_A_SMALL_DISK, "bash"]
    finished = subprocess.run(
        [*shell, str(folder), *map(str, command)], capture_output=True, text=True, timeout=600, check=False
    )
    if finished.returncode == 77 or "unshare" in finished.stderr:
        pytest.skip(f"no small disk can be made here: {finished.stderr.strip()}")
    return finished
