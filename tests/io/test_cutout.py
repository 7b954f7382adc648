"""Cut-outs: what an editor lays over another video, so the alpha must be the mask and the colours the frame's."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import scene, write_results, write_video
from PIL import Image

_DECODERS = {"cutout-webm": "libvpx-vp9", "cutout-mov": "prores"}  # FFmpeg's own VP9 decoder leaves the alpha out


def decoded(path: Path, decoder: str) -> list[tuple[float, np.ndarray]]:
    """Time in seconds and RGBA of every picture."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = av.CodecContext.create(decoder, "r")
        context.extradata = stream.codec_context.extradata
        pictures = [picture for packet in container.demux(stream) for picture in context.decode(packet)]
        return [(float(p.pts * stream.time_base), rgba(p)) for p in pictures]


def rgba(picture: av.VideoFrame) -> np.ndarray:
    """The picture with its own alpha plane, in 8 bits."""
    alpha = picture.format.components[3]
    plane = np.frombuffer(picture.planes[3], np.uint8 if alpha.bits == 8 else np.uint16)
    samples = plane.reshape(picture.height, -1)[:, : picture.width].astype(int)
    return np.dstack((picture.to_ndarray(format="rgb24"), samples * 255 // (2**alpha.bits - 1)))


@pytest.mark.parametrize("save", ["cutout-webm", "cutout-mov"])
def test_the_alpha_of_a_video_is_the_mask(tmp_path: Path, save: str):
    clip = write_video(tmp_path / "clip.mp4", scene(6), times=[3, 4, 6, 7, 20, 21])
    path, results = write_results(tmp_path / "out", save, clip)
    pictures = decoded(path, _DECODERS[save])
    assert [time for time, _ in pictures] == pytest.approx([t / 25 for t in (3, 4, 6, 7, 20, 21)], abs=1e-3)
    for (_, rgba), result in zip(pictures, results, strict=True):
        foreground = result.masks.any(axis=0)
        np.testing.assert_array_equal(rgba[..., 3] > 127, foreground)
        if save == "cutout-mov":  # ProRes keeps alpha without loss
            np.testing.assert_array_equal(rgba[..., 3], foreground * 255)
        apart = np.abs(rgba[..., :3].astype(int) - result.image)[foreground]
        assert apart.mean() < 4
        assert rgba[40:, 60:, :3].max() < 30, "what is far from the objects is not in the file"


def test_the_webm_says_that_it_has_alpha(tmp_path: Path):
    path, _ = write_results(tmp_path, "cutout-webm", scene(2))
    with av.open(str(path)) as container:
        assert container.streams.video[0].metadata["ALPHA_MODE"] == "1"


def test_prores_is_4444_with_alpha(tmp_path: Path):
    path, _ = write_results(tmp_path, "cutout-mov", scene(2))
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.codec_tag, context.profile) == ("ap4h", "4444")


@pytest.mark.parametrize("save", ["cutout-webm", "cutout-mov"])
def test_odd_sizes_are_padded_only_where_they_must(tmp_path: Path, save: str):
    path, results = write_results(tmp_path, save, scene(2, 45, 67))
    alpha = decoded(path, _DECODERS[save])[0][1][..., 3]
    assert alpha.shape == ((46, 68) if save == "cutout-webm" else (45, 67))
    np.testing.assert_array_equal(alpha[:45, :67] > 127, results[0].masks.any(axis=0))


def test_the_mov_keeps_pixels_that_are_not_square(tmp_path: Path):
    clip = write_video(tmp_path / "clip.mp4", scene(2), options={"x264-params": "sar=16/11"})
    path, _ = write_results(tmp_path / "out", "cutout-mov", clip)
    with av.open(str(path)) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 11)


def test_pngs_hold_the_objects_and_nothing_else(tmp_path: Path):
    path, results = write_results(tmp_path, "cutout-png", scene(5), start=1, stride=2)
    assert sorted(file.name for file in path.iterdir()) == ["00001.png", "00003.png"]
    for result in results:
        rgba = np.array(Image.open(path / f"{result.index:05d}.png"))
        foreground = result.masks.any(axis=0)
        np.testing.assert_array_equal(rgba[..., 3], foreground * 255)
        np.testing.assert_array_equal(rgba[..., :3], result.image * foreground[..., None])
