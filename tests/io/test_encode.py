"""The overlay video: frames, times, colours and sound of the source in a file that browsers play."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import packets, real_clip, result_of, scene, write_video

from seem_video.io.reader import open_reader
from seem_video.io.writer import ResultWriter


def overlay_of(source, out: Path, objects: int = 0, **span: int) -> Path:
    with open_reader(source, **span) as reader, ResultWriter(out, reader.info, save=["overlay"]) as writer:
        for frame in reader:
            writer.write(result_of(frame, objects))
        (path,) = writer.finish()
    return path


def times(path, **span: int) -> list[float]:
    return [frame.time_s for frame in open_reader(path, **span)]


def test_a_browser_can_play_it_at_once(tmp_path: Path):
    path = overlay_of(write_video(tmp_path / "clip.webm", scene(30), codec="libvpx-vp9"), tmp_path / "out")
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # the index first
    info = open_reader(path).info
    assert (info.codec, info.pix_fmt, info.width, info.height, info.frames) == ("h264", "yuv420p", 96, 64, 30)
    with av.open(str(path)) as container:
        assert "mp4" in container.format.name


@pytest.mark.parametrize("first", [0, 37])
@pytest.mark.parametrize("denominator", [100, 30_000, 90_000])
def test_variable_frame_times_are_kept_exactly(tmp_path: Path, first: int, denominator: int):
    unit = denominator // 100
    written = [(first + t) * unit for t in (0, 4, 5, 30, 31, 99)]
    clip = write_video(tmp_path / "vfr.mp4", scene(6), times=written, time_base=Fraction(1, denominator))
    assert times(overlay_of(clip, tmp_path / "out")) == times(clip) == [t / denominator for t in written]


@pytest.mark.parametrize("suffix", ["mkv", "avi", "ts", "gif", "apng", "h264"])
def test_frame_times_of_every_container_are_kept(tmp_path: Path, suffix: str):
    codec, pix_fmt = {"gif": ("gif", "rgb8"), "apng": ("apng", "rgb24")}.get(suffix, ("libx264", "yuv420p"))
    clip = write_video(tmp_path / f"clip.{suffix}", scene(12), codec=codec, pix_fmt=pix_fmt)
    assert times(overlay_of(clip, tmp_path / "out")) == pytest.approx(times(clip), abs=1e-5)


def test_part_of_a_clip_keeps_the_times_it_has_there(tmp_path: Path):
    clip = real_clip("dog.mp4")
    span = {"start": 60, "stop": 120, "stride": 3}
    path = overlay_of(clip, tmp_path / "out", **span)
    assert times(path) == times(clip, **span)
    with av.open(str(path)) as container:
        sound = [float(p.pts * p.time_base) for p in container.demux(audio=0) if p.pts is not None]
    assert 2.0 < sound[0] < 2.05  # frame 60 is shown at 2.002s, and frame 117 until 4.004s
    assert 3.95 < sound[-1] < 4.01


@pytest.mark.parametrize("name", ["dog.mp4", "cup.mp4"])
def test_the_sound_of_a_real_clip_is_copied_bit_for_bit(tmp_path: Path, name: str):
    path = overlay_of(real_clip(name), tmp_path / "out")
    assert packets(path, "audio") == packets(real_clip(name), "audio")
    assert times(path) == times(real_clip(name))


@pytest.mark.parametrize(
    ("suffix", "sound", "kept"), [("mkv", "libopus", True), ("mkv", "pcm_s16le", False), ("avi", "pcm_s16le", False)]
)
def test_sound_that_mp4_does_not_take_becomes_aac(tmp_path: Path, suffix: str, sound: str, kept: bool):
    clip = write_video(tmp_path / f"clip.{suffix}", scene(25), sound=sound)
    path = overlay_of(clip, tmp_path / "out")
    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        assert track.codec_context.codec.canonical_name == ("opus" if kept else "aac")
        heard = sum(frame.samples for frame in container.decode(track)) / track.rate
    assert heard == pytest.approx(1.0, abs=0.06)


def test_odd_sizes_are_padded_by_one_pixel_at_most(tmp_path: Path):
    images = scene(3, 45, 67)
    path = overlay_of(images, tmp_path / "out")
    frame = open_reader(path).read_at(0)
    assert frame.image.shape == (46, 68, 3)
    assert cv2.absdiff(frame.image[:45, :67], images[0]).mean() < 4


@pytest.mark.parametrize("color", [(1, 1), (1, 2), (5, 1)], ids=["709", "709 full", "601"])
def test_colours_and_their_tags_stay(tmp_path: Path, color):
    image = np.full((32, 32, 3), (200, 40, 60), np.uint8)
    clip = write_video(tmp_path / "clip.mp4", np.stack([image] * 3), color=color)
    path = overlay_of(clip, tmp_path / "out")
    assert open_reader(path).info.color == open_reader(clip).info.color
    assert cv2.absdiff(open_reader(path).read_at(1).image, image).max() <= 5


def test_pixels_that_are_not_square_stay_so(tmp_path: Path):
    clip = write_video(tmp_path / "clip.mp4", scene(3), options={"x264-params": "sar=16/11"})
    assert open_reader(overlay_of(clip, tmp_path / "out")).info.pixel_aspect == Fraction(16, 11)


def test_one_frame_makes_a_video_too(tmp_path: Path):
    assert len(times(overlay_of(scene(1), tmp_path / "out"))) == 1
