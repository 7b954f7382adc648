"""Images as frames: one file, or many in the natural order of their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from seem_video.errors import SeemVideoError
from seem_video.io.frame import ASSUMED_FPS, MOST_PIXELS, Frame, SourceInfo
from seem_video.io.reader import IndexedReader

IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"))
_EXIF_ORIENTATION = 0x0112


class ImageReader(IndexedReader):
    """Image files of one size; EXIF orientation is applied, 16 bits become 8, grey becomes RGB, alpha is dropped."""

    def __init__(self, info: SourceInfo, span: range, files: list[Path]) -> None:
        super().__init__(info, span, len(files))
        self._files = files

    def _load(self, index: int) -> Frame:
        image = _read(self._files[index])
        if image.shape[:2] != (self.info.height, self.info.width):
            size = image.shape[1], image.shape[0]
            raise _sizes_differ(self._files[0], (self.info.width, self.info.height), self._files[index], size)
        return Frame(index, index / ASSUMED_FPS, None, image)


def open_images(paths: Iterable[Path], source: str, span: range, folder: Path | None = None) -> ImageReader:
    """Opens those of `paths` that are images, sorted as people sort: `2.png` before `10.png`.

    Raises:
        SeemVideoError: there is none, the first cannot be read, or two differ in size.
    """
    files = sorted((p for p in paths if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()), key=natural_key)
    if not files:
        kinds = ", ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))
        raise SeemVideoError(f"'{source}' holds no image ({kinds}); give a folder or glob that does, or a video.")
    height, width = _read(files[0]).shape[:2]
    for file in files:
        size = _header_size(file)
        if size is not None and size != (width, height):
            raise _sizes_differ(files[0], (width, height), file, size)
    info = SourceInfo(
        name=Path(source).name or str(Path(source).resolve()),
        kind="image" if len(files) == 1 and folder is None else "images",
        width=width,
        height=height,
        frames=len(files),
        path=folder or (files[0] if len(files) == 1 else files[0].parent),
    )
    return ImageReader(info, span, files)


def natural_key(path: Path) -> tuple[list[tuple[int, str]], str]:
    """A key by which the numbers in names count as numbers; equal ones go by their spelling."""
    words = re.split(r"(\d+)", str(path).casefold())
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in words], str(path)


def _read(path: Path) -> npt.NDArray[np.uint8]:
    _header_size(path)
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread knows no path outside ASCII on Windows
    except OSError as error:
        raise SeemVideoError(f"'{path}' cannot be opened ({error.strerror}); check its permissions.") from None
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:  # mostly it returns None
        image = None
    if image is None:
        raise SeemVideoError(f"'{path}' cannot be read as an image; replace it, or take it out of the folder.")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _header_size(path: Path) -> tuple[int, int] | None:
    """Width and height as displayed, without decoding; None where the header says nothing that Pillow knows.

    Raises:
        SeemVideoError: it claims more pixels than can be held.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(_EXIF_ORIENTATION, 1) >= 5
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except Exception:  # Pillow raises whatever a damaged header makes its plugins trip over
        return None
    if width * height > MOST_PIXELS:
        raise _too_large(path)
    return (height, width) if turned else (width, height)


def _too_large(path: Path) -> SeemVideoError:
    return SeemVideoError(f"'{path}' claims more pixels than can be held; check that it is whole, or scale it down.")


def _sizes_differ(first: Path, size: tuple[int, int], other: Path, other_size: tuple[int, int]) -> SeemVideoError:
    return SeemVideoError(
        f"The images differ in size: '{first}' is {size[0]}x{size[1]}, "
        f"'{other.name}' is {other_size[0]}x{other_size[1]}; scale them to one size, or give those of one size only."
    )
