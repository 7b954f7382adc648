"""A dozen frames to look at, however long the clip."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import result_of, scene
from PIL import Image

from seem_video.io.contact import ContactSheet
from seem_video.io.frame import Frame, SourceInfo
from seem_video.io.output import Shot
from seem_video.io.staging import Staged

IMAGE = scene(1)[0]
INFO = SourceInfo("arrays", "arrays", 96, 64)


@pytest.mark.parametrize(("frames", "tiles"), [(1, (1, 1)), (3, (1, 3)), (12, (3, 4)), (23, (3, 4)), (500, (3, 4))])
def test_the_sheet_has_a_dozen_frames_or_all_there_are(tmp_path: Path, frames: int, tiles: tuple[int, int]):
    sheet = ContactSheet(Staged(tmp_path, "contact_sheet.png"), INFO)
    for t in range(frames):
        sheet.write(Shot(result_of(Frame(t, t / 25, None, IMAGE))))
        assert len(sheet._tiles.items) < 24  # memory is bounded
    assert sheet.close()
    with Image.open(sheet.staged.publish()) as image:
        assert (image.height, image.width) == (68 * tiles[0] + 4, 100 * tiles[1] + 4)
