"""A user's work on a clip: masks at once on the frame in view, the tracker's own masks, corrections, files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import moving_square, write_clip
from PIL import Image

from seem_video import Box, Click, PromptEntry, SeemVideoError, track
from seem_video.app.work import Work


@pytest.fixture
def work(clip: Path, tmp_path: Path, model):
    folder = tmp_path / "work"
    folder.mkdir()
    work = Work(clip, model, folder)
    yield work
    work.close()


def test_a_click_shows_at_once_the_mask_that_tracking_will_give(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    work.add(Click(60, 50, positive=False), object_id=1, frame=0)
    work.add(Box(50, 44, 90, 60), object_id=2, frame=0)
    seen = work.look(0)
    assert seen.masks[0, 30, 20]
    tracked = next(work.track())
    assert seen.object_ids == tracked.object_ids == (1, 2)
    assert np.mean(seen.masks == tracked.masks) > 0.999, "objects are decoded one by one here, there in one batch"
    assert np.allclose(seen.scores, tracked.scores, atol=1e-3)


def test_the_frame_is_encoded_once_however_many_clicks(work: Work, monkeypatch: pytest.MonkeyPatch):
    work.add(Click(20, 30), object_id=1, frame=0)
    first = work.look(0)
    monkeypatch.setattr("seem_video.tracking.pixel_memory.PixelMemoryPropagator.encode", None)
    work.add(Click(60, 50), object_id=2, frame=0)
    assert work.look(0).object_ids == (1, 2)
    assert work.undo() == 0
    assert np.array_equal(work.look(0).masks, first.masks)


def test_results_are_seen_where_they_hold_and_a_correction_takes_back_what_follows(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    tracked = list(work.track())
    assert len(work.scores) == work.frames == 6
    assert all(np.array_equal(work.look(t).masks, tracked[t].masks) for t in range(6))
    work.add(Click(70, 50, positive=False), object_id=1, frame=3)
    assert len(work.scores) == 3
    assert work.look(3).masks[0, 30, 28], "the correction starts from what was tracked"
    assert not work.look(4).masks.any()
    again = list(work.track())
    assert all(np.array_equal(again[t].masks, tracked[t].masks) for t in range(3))
    assert len(work.scores) == 6


def test_what_is_taken_away_where_nothing_is_tracked_yet_waits_for_tracking(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    work.add(Click(70, 50, positive=False), object_id=1, frame=3)
    assert not work.look(3).masks.any()
    assert list(work.track())[3].masks[0, 30, 28]


def test_the_same_click_again_changes_nothing(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    list(work.track(stop=2))
    work.add(Click(20, 30), object_id=1, frame=0)
    assert len(work.scores) == 2


def test_undoing_a_correction_shows_what_was_tracked_before(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    tracked = list(work.track())
    work.add(Click(70, 50, positive=False), object_id=1, frame=3)
    assert work.undo() == 3
    assert np.array_equal(work.look(3).masks, tracked[3].masks)


def test_tracking_stops_when_it_is_told_and_ends_when_prompts_change(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    assert [result.index for result in work.track(stop=2)] == [0, 1]
    run = work.track()
    for _ in range(3):
        next(run)
    work.add(Click(60, 50), object_id=2, frame=1)
    with pytest.raises(SeemVideoError, match="Tracking ended"):
        next(run)
    assert len(work.scores) == 1


def test_files_may_be_taken_while_tracking_and_harm_nothing(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    whole = [result.masks for result in work.track()]
    work.add(Click(21, 31), object_id=1, frame=0)
    work.undo()
    run = work.track()
    for _ in range(3):
        next(run)
    work.export()
    with pytest.raises(SeemVideoError, match="press Track to go on"):
        next(run)
    assert all(np.array_equal(result.masks, masks) for result, masks in zip(work.track(), whole, strict=True))


def test_pictures_have_new_names_and_old_ones_go(work: Work, tmp_path: Path):
    work.add(Click(20, 30), object_id=1, frame=0)
    paths = [work.picture(work.look(t % work.frames)) for t in range(9)]
    assert len(set(paths)) == 9
    assert [path.exists() for path in paths] == [False] * 3 + [True] * 6
    assert Image.open(paths[-1]).size == (work.info.width, work.info.height)


def test_a_removed_object_is_gone_and_the_others_stay_tracked(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    work.add(Click(60, 50), object_id=2, frame=0)
    tracked = list(work.track())
    work.remove(1)
    assert (work.object_ids, work.unused_id) == ([2], 3)
    assert np.array_equal(work.look(5).masks[0], tracked[5].masks[1])
    with pytest.raises(SeemVideoError, match="no object 1"):
        work.remove(1)


def test_an_object_cannot_begin_by_what_it_is_not(work: Work):
    with pytest.raises(SeemVideoError, match="click on the thing first"):
        work.add(Click(20, 30, positive=False), object_id=1, frame=0)
    work.add(Click(20, 30), object_id=1, frame=2)
    with pytest.raises(SeemVideoError, match="click on the thing first"):
        work.add(Click(20, 30, positive=False), object_id=1, frame=1)
    assert work.object_ids == [1]


def test_the_files_are_those_of_track(work: Work, clip: Path, tmp_path: Path, model):
    with pytest.raises(SeemVideoError, match="Nothing is tracked yet"):
        work.export()
    prompts = [PromptEntry(Click(20, 30), 1, 0), PromptEntry(Click(30, 30), 1, 2), PromptEntry(Click(60, 50), 2, 2)]
    for entry in prompts:
        work.add(entry.prompt, object_id=entry.object_id, frame=entry.at)
    list(work.track(stop=5))
    work.export()
    overlay, masks, rle = work.export()
    track(clip, prompts, out=tmp_path / "out", model=model, stop=5)
    with zipfile.ZipFile(masks) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        assert names == [f"{t:05}.png" for t in range(5)]
        for name in names:
            expected = np.asarray(Image.open(tmp_path / "out" / "masks" / name))
            assert np.array_equal(np.asarray(Image.open(archive.open(name))), expected)
    assert rle.read_bytes() == (tmp_path / "out" / "masks.json").read_bytes()
    assert overlay.stat().st_size > 0
    assert list(overlay.parents[1].glob("outputs-*")) == [overlay.parent]


def test_a_frame_beyond_the_clip_is_refused_in_a_sentence(work: Work):
    with pytest.raises(SeemVideoError, match="has no frame 99"):
        work.look(99)


def test_a_clip_whose_header_does_not_count_is_counted(tmp_path: Path, model):
    folder = tmp_path / "work"
    folder.mkdir()
    work = Work(write_clip(tmp_path / "clip.mkv", moving_square(4)), model, folder)
    assert work.frames == 4
    work.close()
