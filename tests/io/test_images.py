"""Images as frames: in the order people mean, as they are displayed, of one size."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import scene
from PIL import Image

from seem_video.errors import SeemVideoError
from seem_video.io.images import natural_key
from seem_video.io.reader import open_reader

IMAGE = scene(1, 40, 60)[0]


def test_a_folder_is_read_in_natural_order_whatever_else_is_in_it(tmp_path: Path):
    for t, name in enumerate(["f1.png", "f2.png", "f10.png", "f0011.PNG"]):
        Image.fromarray(np.full((8, 8, 3), 10 * t, np.uint8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_text("not an image either")
    reader = open_reader(tmp_path)
    assert [int(frame.image[0, 0, 0]) for frame in reader] == [0, 10, 20, 30]
    assert (reader.info.kind, reader.info.frames) == ("images", 4)
    assert [int(frame.image[0, 0, 0]) for frame in open_reader(str(tmp_path / "f?.png"))] == [0, 10]
    assert [frame.index for frame in reader.reversed(3, 1)] == [3, 2, 1]


def test_numbers_in_names_count_as_numbers():
    names = ["b", "a10", "a2", "10", "9", "a2b"]
    assert [str(path) for path in sorted(map(Path, names), key=natural_key)] == ["9", "10", "a2", "a2b", "a10", "b"]


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tif"])
def test_one_image_of_every_kind(tmp_path: Path, suffix: str):
    path = tmp_path / f"übung.{suffix}"
    Image.fromarray(IMAGE).save(path, quality=95)
    reader = open_reader(path)
    (frame,) = reader
    assert reader.info.kind == "image"
    assert np.abs(frame.image.astype(int) - IMAGE).mean() < 5


def test_grey_16_bit_and_alpha_become_rgb(tmp_path: Path):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    cv2.imwrite(str(tmp_path / "deep.png"), grey.astype(np.uint16) * 257)
    Image.fromarray(np.dstack([grey, grey, grey, 255 - grey])).save(tmp_path / "sheer.png")
    for name in ("grey.png", "deep.png", "sheer.png"):
        (frame,) = open_reader(tmp_path / name)
        np.testing.assert_array_equal(frame.image, np.dstack([grey] * 3))


def test_exif_orientation_is_applied(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned 90 degrees clockwise
    Image.fromarray(IMAGE).save(tmp_path / "photo.jpg", exif=exif, quality=100, subsampling=0)
    reader = open_reader(tmp_path)
    (frame,) = reader
    assert (reader.info.width, reader.info.height) == (40, 60)
    assert np.abs(frame.image.astype(int) - np.rot90(IMAGE, -1)).mean() < 3


def test_images_of_differing_sizes_are_named_before_any_work(tmp_path: Path):
    Image.fromarray(IMAGE).save(tmp_path / "1.png")
    Image.fromarray(IMAGE[:20]).save(tmp_path / "2.png")
    with pytest.raises(SeemVideoError, match=r"1\.png' is 60x40, '2\.png' is 60x20"):
        open_reader(tmp_path)


def test_a_folder_without_images(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(SeemVideoError, match="holds no image"):
        open_reader(tmp_path)


def test_a_glob_that_matches_nothing(tmp_path: Path):
    with pytest.raises(SeemVideoError, match="No file matches"):
        open_reader(str(tmp_path / "*.png"))


def test_a_file_that_only_looks_like_an_image(tmp_path: Path):
    Image.fromarray(IMAGE).save(tmp_path / "1.png")
    (tmp_path / "2.png").write_text("words")
    with pytest.raises(SeemVideoError, match=r"2\.png' cannot be read as an image"):
        list(open_reader(tmp_path))
