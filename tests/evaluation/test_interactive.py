"""The number of clicks is counted as papers count it; the model is a stand-in that paints a disk at every click."""

import cv2
import numpy as np
import pytest
from PIL import Image

import seem_video
from seem_video import FrameResult, SeemVideoError
from seem_video.evaluation.interactive import Case, InteractiveScores, run_interactive


class DiskSession:
    """Marks 12 pixels around each positive click, and unmarks as many around each negative one."""

    def __init__(self, source, model):
        self.image, self.clicks = source[0], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def add(self, click):
        self.clicks.append(click)

    def propagate(self):
        mask = np.zeros(self.image.shape[:2], np.uint8)
        for click in self.clicks:
            cv2.circle(mask, (click.x, click.y), 12, int(click.positive), -1)
        yield FrameResult(0, 0.0, None, self.image, (1,), mask.astype(bool)[None], np.ones(1, np.float32), ("1",))


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setattr(seem_video, "open_session", DiskSession, raising=False)
    monkeypatch.setattr(seem_video, "load_model", lambda name, device: None, raising=False)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()

    def add(stem, mask):
        Image.fromarray(np.zeros((*mask.shape, 3), np.uint8)).save(tmp_path / "images" / f"{stem}.jpg")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{stem}.png")

    return tmp_path, add


def disk(radius, value=1, at=(40, 40)):
    return cv2.circle(np.zeros((80, 120), np.uint8), at, radius, value, -1)


def run(root):
    return run_interactive(root / "images", root / "masks", root / "out")


def test_an_object_the_size_of_the_brush_takes_one_click_and_a_large_one_more(folders):
    root, add = folders
    add("small", disk(12))
    add("large", disk(20))
    scores = run(root)
    by_image = {case.image: case for case in scores.cases}
    assert by_image["small.jpg"].ious == (1.0,)
    assert by_image["large.jpg"].clicks_to(0.9) > 1
    assert (root / "out" / "interactive.json").is_file()


def test_each_instance_is_a_case_and_ignored_pixels_count_for_nothing(folders):
    root, add = folders
    mask = disk(12) + disk(12, 2, at=(90, 40))
    mask[30:50, 44:] = np.where(mask[30:50, 44:] == 1, 255, mask[30:50, 44:])
    add("two", mask)
    assert [case.object_id for case in run(root).cases] == [1, 2]


def test_a_mask_of_0_and_255_is_one_object(folders):
    root, add = folders
    add("binary", disk(12, 255))
    assert run(root).cases[0].ious == (1.0,)


def test_noc_counts_20_for_what_never_gets_there():
    scores = InteractiveScores((Case("a", 1, (0.5, 0.86, 0.91)), Case("b", 1, (0.4,) * 20)))
    assert scores.noc(0.85) == 11
    assert scores.noc(0.90) == 11.5
    assert scores.failures(0.90) == 1
    assert scores.mean_iou(10) == pytest.approx((0.91 + 0.4) / 2)


def test_folders_that_do_not_match_are_refused(folders):
    root, add = folders
    with pytest.raises(SeemVideoError, match="no image"):
        run(root)
    add("dog", disk(12))
    (root / "masks" / "dog.png").unlink()
    with pytest.raises(SeemVideoError, match=r"dog\.jpg has no mask"):
        run(root)
