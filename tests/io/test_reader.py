"""The one way in to every kind of source, and which frames it gives."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from clips import scene, write_video

from seem_video.errors import SeemVideoError
from seem_video.io.reader import open_reader


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4", scene(10))


def test_start_stop_and_stride_count_in_the_source(clip: Path):
    everything = list(open_reader(clip))
    some = list(open_reader(clip, start=2, stop=9, stride=3))
    assert [frame.index for frame in some] == [2, 5, 8]
    assert [frame.time_s for frame in some] == [everything[i].time_s for i in (2, 5, 8)]
    np.testing.assert_array_equal(some[1].image, everything[5].image)
    assert [frame.index for frame in open_reader(clip, stride=3).reversed(9)] == [9, 6, 3, 0]


def test_a_file_can_be_read_again(clip: Path):
    reader = open_reader(clip)
    assert [f.image.tobytes() for f in reader] == [f.image.tobytes() for f in reader]


@pytest.mark.parametrize("span", [{"start": -1}, {"start": 4, "stop": 4}, {"stride": 0}])
def test_a_span_without_frames_is_refused(clip: Path, span):
    with pytest.raises(SeemVideoError, match="No frame lies between"):
        open_reader(clip, **span)


def test_arrays_pass_through_unchanged_and_lists_go_backwards():
    images = scene(5)
    frames = list(open_reader(list(images)))
    np.testing.assert_array_equal([frame.image for frame in frames], images)
    assert [frame.index for frame in open_reader(images).reversed(4, 2)] == [4, 3, 2]


def test_a_generator_is_read_lazily_and_once():
    taken = []

    def generate() -> Iterator[np.ndarray]:
        for t, image in enumerate(scene(5)):
            taken.append(t)
            yield image

    reader = open_reader(generate(), stop=3)
    frames = iter(reader)
    assert next(frames).index == 0
    assert taken == [0]
    assert [frame.index for frame in frames] == [1, 2]
    assert taken == [0, 1, 2]
    with pytest.raises(SeemVideoError, match="only once"):
        list(reader)
    with pytest.raises(SeemVideoError, match="only once"):
        reader.reversed(2)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ([], "no arrays"),
        (iter(()), "no arrays"),
        ([np.zeros((4, 4), np.uint8)], r"Array 0 is uint8 of shape \(4, 4\)"),
        ([np.zeros((4, 4, 3), np.float32)], "Array 0 is float32"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_image_is_said(arrays, words: str):
    with pytest.raises(SeemVideoError, match=words):
        open_reader(arrays)


def test_arrays_of_another_size_are_refused_where_they_come():
    reader = open_reader(iter([np.zeros((4, 6, 3), np.uint8), np.zeros((6, 4, 3), np.uint8)]))
    with pytest.raises(SeemVideoError, match="Array 1 is 4x6, but the first is 6x4"):
        list(reader)


def test_a_stream_is_read_from_its_address(tmp_path: Path):
    path = write_video(tmp_path / "clip.ts", scene(6))
    expected = [frame.image.tobytes() for frame in open_reader(path)]
    handler = functools.partial(_QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with open_reader(f"http://127.0.0.1:{server.server_port}/clip.ts") as reader:
            frames = list(reader)
        server.shutdown()
    assert reader.info.kind == "stream"
    assert [frame.image.tobytes() for frame in frames] == expected
    assert frames[0].time_s == 0  # its clock starts with it, though that of the file does not
    with pytest.raises(SeemVideoError, match="only once"):
        list(reader)


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize("camera", [93, "93"])
def test_a_camera_that_is_not_there(camera):
    with pytest.raises(SeemVideoError, match=r"[Cc]amera"):
        open_reader(camera)


def test_a_stream_that_is_not_there():
    with pytest.raises(SeemVideoError, match=r"http://127\.0\.0\.1:9/x.*cannot be opened"):
        open_reader("http://127.0.0.1:9/x")
