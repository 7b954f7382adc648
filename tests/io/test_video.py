"""Video files: what a user would lose is a frame, its time, its orientation or its colours."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import real_clip, scene, turn, write_sound, write_video

from seem_video.errors import SeemVideoError
from seem_video.io.reader import open_reader
from seem_video.io.video import Decoding

LOSSY = 12.0  # mean difference in grey levels, seen from afar, that 256 colours cost; a wrong channel order costs 40


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "size", "options"),
    [
        ("h264.mp4", "libx264", "yuv420p", (64, 96), {}),
        ("h264_422.mp4", "libx264", "yuv422p", (63, 96), {}),
        ("h264_444_odd.mp4", "libx264", "yuv444p", (63, 95), {}),
        ("h264_10bit.mkv", "libx264", "yuv420p10le", (64, 96), {}),
        ("hevc_10bit.mp4", "libx265", "yuv420p10le", (64, 96), {"x265-params": "log-level=none"}),
        ("vp9_odd.webm", "libvpx-vp9", "yuv420p", (63, 95), {}),
        ("vp9_alpha.webm", "libvpx-vp9", "yuva420p", (64, 96), {"auto-alt-ref": "0"}),
        ("av1.mp4", "libsvtav1", "yuv420p10le", (64, 96), {"preset": "12"}),
        ("mjpeg.avi", "mjpeg", "yuvj422p", (63, 95), {}),
        ("animated.gif", "gif", "rgb8", (63, 95), {}),
        ("animated.apng", "apng", "rgba", (63, 95), {}),
        ("mpeg4.avi", "mpeg4", "yuv420p", (64, 96), {"bf": "2"}),
        ("transport.ts", "libx264", "yuv420p", (64, 96), {"bf": "2"}),
    ],
)
def test_every_format_gives_the_frames_that_were_written(tmp_path: Path, name, codec, pix_fmt, size, options):
    images = scene(8, *size)
    path = write_video(tmp_path / name, images, codec=codec, pix_fmt=pix_fmt, options=options)
    reader = open_reader(path)
    frames = list(reader)
    assert [frame.index for frame in frames] == list(range(8))
    assert (reader.info.height, reader.info.width) == size
    assert np.diff([frame.time_s for frame in frames]) == pytest.approx(0.04, abs=0.002)  # a WebM clock is coarse
    for frame, image in zip(frames, images, strict=True):
        assert frame.image.dtype == np.uint8
        afar, expected = cv2.blur(frame.image, (9, 9)), cv2.blur(image, (9, 9))  # evens out a GIF's dithering
        assert cv2.absdiff(afar, expected).mean() < LOSSY
    assert reader.broken is None


@pytest.mark.parametrize(
    ("matrix", "degrees", "displayed"),
    [
        ((0, 1, -1, 0), 90, lambda image: np.rot90(image, -1)),  # a phone held upright
        ((-1, 0, 0, -1), 180, lambda image: np.rot90(image, 2)),
        ((0, -1, 1, 0), 270, lambda image: np.rot90(image, 1)),
        ((-1, 0, 0, 1), 0, lambda image: image[:, ::-1]),  # a mirrored front camera
    ],
)
def test_frames_are_turned_as_players_turn_them(tmp_path: Path, matrix, degrees, displayed):
    plain = [frame.image for frame in open_reader(write_video(tmp_path / "clip.mp4", scene(3)))]
    reader = open_reader(turn(tmp_path / "clip.mp4", matrix))
    expected = displayed(plain[1])
    assert reader.info.rotation == degrees
    assert (reader.info.height, reader.info.width) == expected.shape[:2]
    np.testing.assert_array_equal(list(reader)[1].image, expected)


@pytest.mark.parametrize("first", [0, 50])
def test_variable_frame_times_are_kept_and_may_begin_late(tmp_path: Path, first: int):
    times = [first + t for t in (0, 10, 15, 70, 71, 200)]
    path = write_video(tmp_path / "vfr.mp4", scene(6), times=times, time_base=Fraction(1, 100))
    reader = open_reader(path)
    frames = list(reader)
    assert [frame.time_s for frame in frames] == pytest.approx([t / 100 for t in times], abs=1e-9)
    assert [frame.pts * reader.info.time_base for frame in frames] == [Fraction(t, 100) for t in times]


@pytest.mark.parametrize("color", [(1, 1), (1, 2), (5, 1), (5, 2)], ids=["709", "709 full", "601", "601 full"])
def test_colours_follow_the_tagged_matrix_and_range(tmp_path: Path, color):
    image = np.full((32, 32, 3), (200, 40, 60), np.uint8)  # BT.709 read as BT.601 would be 10 levels off
    path = write_video(tmp_path / "c.mp4", image[None], color=color, pix_fmt="yuv444p", options={"crf": "1"})
    assert np.abs(next(iter(open_reader(path))).image.astype(int) - image).max() <= 4


def test_frames_that_change_size_take_the_first_ones(tmp_path: Path):
    small = write_video(tmp_path / "small.h264", scene(3, 48, 64)).read_bytes()
    large = write_video(tmp_path / "large.h264", scene(4, 96, 128)).read_bytes()
    (tmp_path / "both.h264").write_bytes(small + large)
    frames = list(open_reader(tmp_path / "both.h264"))
    assert len(frames) == 7
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}


@pytest.mark.parametrize("name", ["bigbuckbunny", "coffee", "cup", "dog", "juggle", "pedestrians"])
def test_real_clips_backwards_and_at_an_index_equal_the_forward_pass(name: str):
    reader = open_reader(real_clip(f"{name}.mp4"), stop=100)
    forward = [(frame.time_s, hash(frame.image.tobytes())) for frame in reader]
    backward = [(f.time_s, hash(f.image.tobytes())) for f in open_reader(real_clip(f"{name}.mp4")).reversed(99)]
    assert forward == backward[::-1]
    for index in (57, 0, 99):
        frame = reader.read_at(index)
        assert (frame.time_s, hash(frame.image.tobytes())) == forward[index]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("open_gop.mp4", {"g": "7", "bf": "3", "x264-params": "open-gop=1"}),
        ("closed.mkv", {"g": "5", "bf": "2"}),
        ("transport.ts", {"g": "6", "bf": "2"}),
        ("plain.avi", {"g": "6", "bf": "2"}),
        ("no_times.h264", {"g": "6"}),
    ],
)
def test_backwards_equals_forwards_whatever_the_container(tmp_path: Path, monkeypatch, name, options):
    monkeypatch.setattr("seem_video.io.video._BACKWARD_BYTES", 0)  # eight pictures held, so that it takes several seeks
    path = write_video(tmp_path / name, scene(40), options=options)
    forward = [(f.index, f.pts, f.image.tobytes()) for f in open_reader(path)]
    assert len(forward) == 40
    assert [(f.index, f.pts, f.image.tobytes()) for f in open_reader(path).reversed(39)] == forward[::-1]
    assert [f.index for f in open_reader(path).reversed(20, 11)] == list(range(20, 10, -1))
    with open_reader(path) as reader:
        for index in (33, 34, 37, 38, 21, 22, 39, 0):  # on from there, over a key frame, back
            assert reader.read_at(index).image.tobytes() == forward[index][2]


def test_frames_read_one_after_another_are_not_sought_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    reader = open_reader(write_video(tmp_path / "clip.mp4", scene(40), options={"g": "40"}))
    decoded, pictures = [], Decoding.pictures
    monkeypatch.setattr(Decoding, "pictures", lambda own: (decoded.append(1) or each for each in pictures(own)))
    assert [reader.read_at(index).index for index in range(40)] == list(range(40))
    assert len(decoded) < 4 * 40, "once, beside finding out where they are"


def test_sound_before_the_picture_is_no_matter(tmp_path: Path):
    reader = open_reader(write_video(tmp_path / "clip.mp4", scene(5), sound="aac"))
    assert reader.info.has_audio
    assert len(list(reader)) == 5


def _cut(tmp_path: Path, suffix: str) -> Path:
    """75 frames of noise, so that each has its share of the file, cut a little after the middle."""
    noise = np.random.default_rng(0).integers(0, 255, (75, 64, 96, 3), np.uint8)
    faststart = {"movflags": "faststart"} if suffix == "mp4" else {}
    whole = write_video(tmp_path / f"whole.{suffix}", noise, options={"g": "10"}, container_options=faststart)
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.55)])
    return cut


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_a_cut_file_yields_what_decodes_and_says_where_it_broke(tmp_path: Path, suffix: str):
    reader = open_reader(_cut(tmp_path, suffix))
    frames = list(reader)
    assert 30 < len(frames) < 50
    assert reader.broken is not None
    assert f"{len(frames)} frames" in reader.broken
    assert f"{frames[-1].time_s:.2f}s" in reader.broken
    assert len(list(reader.reversed(len(frames) - 1))) == len(frames)


def test_a_stop_before_the_break_is_no_break(tmp_path: Path):
    reader = open_reader(_cut(tmp_path, "mp4"), stop=20)
    assert len(list(reader)) == 20
    assert reader.broken is None


def test_a_real_clip_with_a_cut_end(tmp_path: Path):
    data = real_clip("dog.mp4").read_bytes()
    (tmp_path / "dog.mp4").write_bytes(data[: int(len(data) * 0.6)])
    reader = open_reader(tmp_path / "dog.mp4")
    count = sum(1 for _ in reader)
    assert 150 < count < 200
    assert reader.broken


def test_the_index_at_the_end_is_missed_in_a_sentence(tmp_path: Path):
    whole = write_video(tmp_path / "clip.mp4", scene(5))
    whole.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(SeemVideoError, match=r"clip\.mp4.*cut off before its index"):
        open_reader(whole)


def _text(path: Path) -> Path:
    path.write_text("these are words\n" * 99)
    return path


def _nothing_in_it(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def _no_frames(path: Path) -> Path:
    whole = write_video(path.with_name("whole.mp4"), scene(5), container_options={"movflags": "faststart"}).read_bytes()
    path.write_bytes(whole[: whole.index(b"mdat") + 4])
    return path


@pytest.mark.parametrize(
    ("make", "name", "words"),
    [
        (_text, "text.mp4", "cannot be read as a video"),
        (_text, "notes.txt", "no picture"),
        (_nothing_in_it, "empty.mp4", "cannot be read as a video"),
        (write_sound, "sound.mp4", "sound but no picture"),
        (_no_frames, "hollow.mp4", "no frame that can be decoded"),
        (lambda path: path, "gone.mp4", "There is no file or folder"),
    ],
)
def test_what_is_no_video_is_said_in_a_sentence(tmp_path: Path, make, name: str, words: str):
    with pytest.raises(SeemVideoError, match=words) as refusal:
        open_reader(make(tmp_path / name))
    assert name in str(refusal.value)


def test_frames_beyond_the_end(tmp_path: Path):
    path = write_video(tmp_path / "clip.mp4", scene(5))
    with pytest.raises(SeemVideoError, match="no frame 5: its 5 frames"):
        open_reader(path).read_at(5)
    with pytest.raises(SeemVideoError, match="no frame 9"):
        open_reader(path).reversed(9)
    with pytest.raises(SeemVideoError, match="ends before frame 7"):
        list(open_reader(path, start=7))
