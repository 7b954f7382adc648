"""What has its final name is whole; what was cut short is kept and called partial."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from clips import real_clip, result_of, scene
from PIL import Image

from seem_video.errors import SeemVideoError
from seem_video.io.reader import FrameReader, open_reader
from seem_video.io.writer import ResultWriter

WHOLE = {"overlay.mp4", "masks", "masks.json", "contact_sheet.png"}
PARTIAL = {"overlay.partial.mp4", "masks.partial", "masks.partial.json", "contact_sheet.partial.png"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def write(out: Path, frames: int, overwrite: bool = False, stop: BaseException | None = None) -> ResultWriter:
    reader = open_reader(scene(frames))
    with ResultWriter(out, reader.info, overwrite=overwrite) as writer:
        for frame in reader:
            writer.write(result_of(frame, 2))
        if stop:
            raise stop
        writer.finish()
    return writer


def write_all(reader: FrameReader, out: Path, save: str) -> None:
    with ResultWriter(out, reader.info, save=[save]) as writer:
        for frame in reader:
            writer.write(result_of(frame))
        writer.finish()


def assert_all_hold(out: Path, frames: int, word: str = "") -> None:
    """Every output, by its whole or its partial name, is readable and has this many frames."""
    assert len(list(open_reader(out / f"overlay{word}.mp4"))) == frames
    assert len(list((out / f"masks{word}").iterdir())) == frames
    assert len(json.loads((out / f"masks{word}.json").read_text())["frames"]) == frames
    with Image.open(out / f"contact_sheet{word}.png") as image:
        image.load()


def test_nothing_has_its_final_name_before_it_is_whole(tmp_path: Path):
    reader = open_reader(scene(5))
    with ResultWriter(tmp_path, reader.info) as writer:
        for frame in reader:
            writer.write(result_of(frame))
            assert not names(tmp_path) & WHOLE
        assert {path.name for path in writer.finish()} == WHOLE
    assert names(tmp_path) == WHOLE
    assert writer.partial == ()
    assert_all_hold(tmp_path, 5)


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), RuntimeError("the model fell over")], ids=["ctrl-c", "error"])
def test_a_run_cut_short_keeps_what_it_made_as_partial(tmp_path: Path, stop: BaseException):
    with pytest.raises(type(stop)):
        write(tmp_path, 7, stop=stop)
    assert names(tmp_path) == PARTIAL
    assert_all_hold(tmp_path, 7, ".partial")


def test_a_process_that_gets_ctrl_c_keeps_what_it_made(tmp_path: Path):
    program = """
        import itertools, signal, sys, time
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts with it ignored
        from pathlib import Path
        from clips import result_of, scene
        from seem_video.io.reader import FrameReader, open_reader
        from seem_video.io.writer import ResultWriter
        reader = open_reader(image for image in itertools.cycle(scene(10)))
        with ResultWriter(Path(sys.argv[1]), reader.info) as writer:
            for frame in reader:
                writer.write(result_of(frame))
                print(frame.index, flush=True)
                time.sleep(0.01)
    """
    path = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    code = f"import sys; sys.path[:0] = {path!r}\n" + textwrap.dedent(program)
    process = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    for _ in range(10):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert names(tmp_path) == PARTIAL
    frames = len(list((tmp_path / "masks.partial").iterdir()))
    assert frames >= 10
    assert_all_hold(tmp_path, frames, ".partial")


def test_a_folder_with_something_in_it_needs_overwrite(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(SeemVideoError, match="not empty; add --overwrite"):
        write(tmp_path, 3)
    assert names(tmp_path) == {"thesis.tex"}


def test_overwriting_replaces_only_at_the_end(tmp_path: Path):
    write(tmp_path, 3)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, 5, overwrite=True, stop=KeyboardInterrupt())
    assert names(tmp_path) == WHOLE | PARTIAL
    assert_all_hold(tmp_path, 3)
    assert_all_hold(tmp_path, 5, ".partial")
    write(tmp_path, 8, overwrite=True)
    assert names(tmp_path) == WHOLE  # and what was left in part is gone
    assert_all_hold(tmp_path, 8)


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/seem-video"])
def test_a_folder_that_cannot_be_written(tmp_path: Path, out: str):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SeemVideoError, match=r"name a(nother one| folder)"):
        write(tmp_path / out, 3)
    assert (tmp_path / "file").read_text() == "in the way"


def test_an_output_that_does_not_exist(tmp_path: Path):
    with pytest.raises(SeemVideoError, match="no output 'overlays'; choose among overlay, masks, rle, contact"):
        ResultWriter(tmp_path, open_reader(scene(1)).info, save=["overlays"])


def test_no_frames_make_no_outputs(tmp_path: Path):
    with ResultWriter(tmp_path, open_reader(scene(1)).info) as writer:
        assert writer.finish() == ()
    assert names(tmp_path) == set()


@pytest.mark.parametrize(("save", "room"), [("overlay", 400_000), ("rle", 3_000), ("contact", 3_000)])
def test_a_full_disk_is_said_and_what_fits_is_kept(tmp_path: Path, save: str, room: int):
    """A limit on the size of files stands for the disk: the system refuses to write more just as well."""
    noise = np.random.default_rng(0).integers(0, 255, (120, 144, 192, 3), np.uint8)
    reader = open_reader(noise)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(SeemVideoError, match=r"There is no room left to write into .*; free some"):
            write_all(reader, tmp_path, save)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not names(tmp_path) & WHOLE
    if save == "overlay":
        assert len(list(open_reader(tmp_path / "overlay.partial.mp4"))) > 10
    if save == "rle":
        assert len(json.loads((tmp_path / "masks.partial.json").read_text())["frames"]) > 5


def test_writing_waits_for_nothing_but_a_full_queue(tmp_path: Path):
    """Encoding runs beside the model: handing over a frame takes next to no time."""
    reader = open_reader(real_clip("juggle.mp4"), stop=4)
    results = [result_of(frame) for frame in reader]
    with ResultWriter(tmp_path, reader.info) as writer:
        begun = time.perf_counter()
        for result in results:
            writer.write(result)
        handed_over = time.perf_counter() - begun
        writer.finish()
        assert handed_over < (time.perf_counter() - begun) / 2
