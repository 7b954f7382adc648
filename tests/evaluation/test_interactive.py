"""The number of clicks is counted as papers count it; the model is a stand-in that paints disks and boxes."""

import json
from typing import ClassVar

import cv2
import numpy as np
import pytest
from PIL import Image

import seem_video
from seem_video import Box, SeemVideoError
from seem_video.evaluation.interactive import Case, InteractiveScores, run_interactive
from seem_video.tracking import still

from .data import StandIn


class DiskImage:
    """Marks boxes and 12 pixels around each positive click, and unmarks as many around each negative one."""

    encoded: ClassVar[int] = 0

    def __init__(self, model, image):
        self.size, self.painted = image.shape[:2], {}
        DiskImage.encoded += 1

    def prompt(self, prompts):
        for i, prompt in prompts.items():
            mask = self.painted.setdefault(i, np.zeros(self.size, np.uint8))
            if isinstance(prompt, Box):
                mask[prompt.y0 : prompt.y1 + 1, prompt.x0 : prompt.x1 + 1] = 1
            else:
                cv2.circle(mask, (prompt.x, prompt.y), 12, int(prompt.positive), -1)
        return {i: self.painted[i].astype(bool) for i in prompts}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setattr(still, "StillImage", DiskImage)
    monkeypatch.setattr(DiskImage, "encoded", 0)
    model = StandIn()
    monkeypatch.setattr(seem_video, "load_model", lambda name, device: model, raising=False)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()

    def add(stem, mask, root=tmp_path):
        Image.fromarray(np.zeros((*mask.shape, 3), np.uint8)).save(root / "images" / f"{stem}.jpg")
        Image.fromarray(mask).save(root / "masks" / f"{stem}.png")

    return tmp_path, add


def disk(radius, value=1, at=(40, 40)):
    return cv2.circle(np.zeros((80, 120), np.uint8), at, radius, value, -1)


def run(root, **options):
    return run_interactive([(root / "images", root / "masks")], root / "out", **options)


def test_an_object_the_size_of_the_brush_takes_one_click_and_a_large_one_more(folders):
    root, add = folders
    add("small", disk(12))
    add("large", disk(20))
    scores = run(root)
    by_image = {case.image: case for case in scores.cases}
    assert by_image["small.jpg"].ious == (1.0,)
    assert by_image["large.jpg"].clicks_to(0.9) > 1
    assert DiskImage.encoded == 2
    assert json.loads((root / "out" / "interactive.json").read_text())["all"]["cases"] == 2


def test_each_instance_is_a_case_and_ignored_pixels_count_for_nothing(folders):
    root, add = folders
    mask = disk(12) + disk(12, 2, at=(90, 40))
    mask[30:50, 44:] = np.where(mask[30:50, 44:] == 1, 255, mask[30:50, 44:])
    add("two", mask)
    assert [case.object_id for case in run(root).cases] == [1, 2]
    assert DiskImage.encoded == 1


def test_a_mask_of_0_and_255_is_one_object(folders):
    root, add = folders
    add("binary", disk(12, 255))
    assert run(root).cases[0].ious == (1.0,)


def test_a_box_takes_the_place_of_the_first_click(folders):
    root, add = folders
    mask = np.zeros((80, 120), np.uint8)
    mask[20:60, 20:100], mask[20:40, 20:40] = 1, 0
    add("cut", mask)
    case = run(root, init="box").cases[0]
    assert case.ious[0] == mask.sum() / (40 * 80)
    assert case.ious[1] > case.ious[0]
    with pytest.raises(SeemVideoError, match=r"another run, with init box \(now click\)"):
        run(root)


def test_an_interrupted_run_goes_on_with_the_images_that_are_missing(folders):
    root, add = folders
    add("a", disk(20))
    add("b", disk(12))

    def stop(name, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(root, on_image=stop)
    scores = run(root)
    assert DiskImage.encoded == 2
    assert [case.image for case in scores.cases] == ["a.jpg", "b.jpg"]
    assert scores.cases[0].clicks_to(0.9) > 1


def test_clicks_of_another_run_are_never_reused(folders):
    root, add = folders
    add("a", disk(12))
    run(root)
    with pytest.raises(SeemVideoError, match=r"another run, with model seem-nano \(now other\)"):
        run(root, model="other")
    add("a", disk(13))
    with pytest.raises(SeemVideoError, match="another run, with data"):
        run(root)


def test_held_out_images_are_one_in_ten_by_their_name_alone(folders):
    root, add = folders
    for i in range(30):
        add(f"{i:012}", disk(12))
    kept = {case.image for case in run(root, held_out=True).cases}
    assert kept == {"000000000027.jpg", "000000000028.jpg"}


def test_several_folders_make_one_figure_and_their_images_keep_apart(folders):
    root, add = folders
    for name in ("a", "b"):
        for part in ("images", "masks"):
            (root / name / part).mkdir(parents=True)
    add("same", disk(12), root / "a")
    add("same", disk(20), root / "b")
    both = [(root / name / "images", root / name / "masks") for name in ("a", "b")]
    scores = run_interactive(both, root / "out")
    assert [case.image for case in scores.cases] == ["a/same.jpg", "b/same.jpg"]
    assert scores.noc(0.85) == sum(case.clicks_to(0.85) for case in scores.cases) / 2
    assert (root / "out" / "cases" / "b" / "same.jpg.json").is_file()
    with pytest.raises(SeemVideoError, match=r"two images a/same\.jpg"):
        run_interactive([both[0], both[0]], root / "other")
    with pytest.raises(SeemVideoError, match="None of the 2 images in"):
        run_interactive(both, root / "other", held_out=True)


def test_noc_counts_20_for_what_never_gets_there():
    scores = InteractiveScores((Case("a", 1, 900, (0.5, 0.86, 0.91)), Case("b", 1, 9000, (0.4,) * 20)))
    assert scores.noc(0.85) == 11
    assert scores.noc(0.90) == 11.5
    assert scores.failures(0.90) == 1
    assert scores.mean_iou(10) == pytest.approx((0.91 + 0.4) / 2)
    sizes = scores.by_size()
    assert (sizes["small"]["NoC@85"], sizes["medium"]["NoC@85"], sizes["large"]) == (2, 20, {"cases": 0})


def test_folders_that_do_not_match_are_refused(folders):
    root, add = folders
    with pytest.raises(SeemVideoError, match="no image"):
        run(root)
    add("dog", disk(12))
    (root / "masks" / "dog.png").unlink()
    with pytest.raises(SeemVideoError, match=r"dog\.jpg has no mask"):
        run(root)
    Image.fromarray(disk(12)[:40]).save(root / "masks" / "dog.png")
    with pytest.raises(SeemVideoError, match=r"dog\.png is 120x40 and its image 120x80"):
        run(root)
