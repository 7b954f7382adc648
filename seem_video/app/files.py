"""What a user takes home: every output of `seem-video export`, and the session itself."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from seem_video.app.work import Work
from seem_video.errors import SeemVideoError
from seem_video.io.writer import ResultWriter

OUTPUTS = {
    "overlay": "Overlay video",
    "masks": "Indexed PNGs",
    "rle": "COCO run lengths",
    "contact": "Contact sheet",
    "cutout-webm": "Cut-out as WebM",
    "cutout-mov": "Cut-out as ProRes",
    "cutout-png": "Cut-out as PNGs",
    "green": "Green screen",
    "blur": "Blurred background",
    "gif": "GIF",
    "webp": "WebP",
    "coco": "COCO instances",
    "ytvis": "YouTube-VIS",
    "yolo": "YOLO",
    "cvat": "CVAT",
    "labelstudio": "Label Studio",
}
"""Every kind of output, by its name on the command line, as the page calls it."""
USUAL = ("overlay", "masks", "rle")


def write_outputs(work: Work, save: Collection[str] = USUAL) -> list[Path]:
    """Write outputs of what is tracked, in place of those written before; folders as zip files.

    Args:
        work: whose results. save: which outputs, of `OUTPUTS`.

    Returns:
        their paths, in a folder of a new name.

    Raises:
        SeemVideoError: nothing is tracked or asked for, or there is no room to write.
    """
    if not work.scores:
        raise SeemVideoError("Nothing is tracked yet; press Track, then take the results.")
    if not save:
        raise SeemVideoError("Choose at least one kind of file.")
    for old in work.folder.glob("outputs-*"):
        shutil.rmtree(old)
    out = work.new_path("outputs")
    with ResultWriter(out, work.info, save=tuple(save), prompts=work.entries(), colors=work.colors) as writer:
        for result in work.tracked():
            writer.write(result)
        written = writer.finish()
    return [_as_file(path) for path in written]


def save_session(work: Work) -> Path:
    """Write the session, prompts and masks, as a file named like the clip, in place of the one before.

    Raises:
        SeemVideoError: there is no room to write.
    """
    for old in work.folder.glob("session-*"):
        shutil.rmtree(old)
    folder = work.new_path("session")
    folder.mkdir()
    path = folder / f"{Path(work.info.name).stem}.seem"
    work.file.copy(path)
    return path


def _as_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    archive = shutil.make_archive(str(path), "zip", path)
    shutil.rmtree(path)
    return Path(archive)
