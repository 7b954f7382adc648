"""A user's work on a clip: masks at once on the frame in view, the tracker's own masks, corrections, files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import moving_square, write_clip
from PIL import Image

from seem_video import Box, Click, Scribble, SeemVideoError, open_session
from seem_video.app.files import write_outputs
from seem_video.app.work import Work
from seem_video.model.head import Head


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


def test_once_a_frame_is_encoded_a_click_costs_two_passes_of_the_decoder(work: Work, monkeypatch: pytest.MonkeyPatch):
    work.prepare(0)
    monkeypatch.setattr("seem_video.tracking.pixel_memory.PixelMemoryPropagator.encode", None)
    work.add(Click(20, 30), object_id=1, frame=0)
    first = work.look(0)
    passes, decode = [], Head.decode
    monkeypatch.setattr(Head, "decode", lambda *given, **named: passes.append(1) or decode(*given, **named))
    for x in (22, 24, 26):
        passes.clear()
        work.add(Click(x, 30), object_id=1, frame=0)
        work.look(0)
        assert len(passes) == 2
    passes.clear()
    for _ in range(3):
        work.undo()
    work.look(0)
    assert not passes
    work.add(Click(60, 50), object_id=2, frame=0)
    assert work.look(0).object_ids == (1, 2)
    assert work.undo() == 0
    assert np.array_equal(work.look(0).masks, first.masks)


def test_results_are_seen_where_they_hold_and_a_correction_takes_back_what_follows(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    tracked = list(work.track())
    assert list(work.scores) == list(range(6))
    assert work.frames == 6
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
    list(work.track(last=1))
    work.add(Click(20, 30), object_id=1, frame=0)
    assert len(work.scores) == 2


def test_undoing_a_correction_shows_what_was_tracked_before(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    tracked = list(work.track())
    work.add(Click(70, 50, positive=False), object_id=1, frame=3)
    assert work.undo() == 3
    assert np.array_equal(work.look(3).masks, tracked[3].masks)


def test_what_was_undone_is_given_again_until_something_new_is(work: Work):
    with pytest.raises(SeemVideoError, match="nothing to redo"):
        work.redo()
    work.add(Click(20, 30), object_id=1, frame=0)
    work.add(Click(60, 50), object_id=2, frame=2)
    work.add(Click(60, 50, positive=False), object_id=1, frame=0)
    given, seen = work.prompts, work.look(0).masks
    assert [work.undo() for _ in range(3)] == [0, 2, 0]
    assert not work.prompts
    assert [work.redo() for _ in range(3)] == [0, 2, 0]
    assert work.prompts == given
    assert np.array_equal(work.look(0).masks, seen)
    work.undo()
    work.undo()
    work.remove(1)
    assert work.redo() == 2, "of an object that is deleted nothing comes back"
    work.undo()
    work.add(Click(22, 31), object_id=3, frame=0)
    with pytest.raises(SeemVideoError, match="a new one was given since"):
        work.redo()


def test_a_chosen_colour_is_that_of_the_picture_and_of_the_drawn_files(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    plain = np.asarray(Image.open(work.picture(work.look(0)))).astype(int)
    inside, *_ = [found.masks[0] for found in work.track()]
    work.colors[1] = (0, 0, 250)
    seen = np.asarray(Image.open(work.picture(work.look(0)))).astype(int)
    sheet, masks = write_outputs(work, ["contact", "masks"])
    drawn = np.asarray(Image.open(sheet)).astype(int)[4 : 4 + 64, 4 : 4 + 96]
    bluer = [(image - plain)[inside].mean(0) for image in (seen, drawn)]
    assert all(blue > 80 and red < -40 for red, _, blue in bluer), bluer
    with zipfile.ZipFile(masks) as archive, archive.open("00000.png") as png:
        assert Image.open(png).getpalette()[3:6] == [128, 0, 0], "what DAVIS's tools read stays as it is"
    assert list(work.scores) == list(range(6)), "a colour takes nothing back"


def test_tracking_stops_when_it_is_told_and_ends_when_prompts_change(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    assert [result.index for result in work.track(last=1)] == [0, 1]
    run = work.track()
    assert next(run).index == 0
    work.stop()
    assert list(run) == []
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
    write_outputs(work)
    assert next(run).index == 3
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


def test_what_lies_before_the_first_prompt_is_tracked_backwards(work: Work, clip: Path, model):
    with pytest.raises(SeemVideoError, match="click the thing to follow first"):
        next(work.track("backward"))
    work.add(Click(20, 30), object_id=1, frame=0)
    with pytest.raises(SeemVideoError, match="nothing comes before it"):
        next(work.track("backward"))
    work.add(Click(60, 50), object_id=2, frame=4)
    with pytest.raises(SeemVideoError, match="last prompt, on frame 4, which lies before frame 5"):
        next(work.track("backward", first=5))
    assert len(list(work.track("both", first=5))) == 6
    shown = list(work.track("both", first=1))
    assert [result.index for result in shown] == [0, 1, 2, 3, 4, 5, 4, 3, 2, 1]
    with open_session(clip, model) as session:
        session.add(Click(20, 30), object_id=1)
        session.add(Click(60, 50), object_id=2, frame=4)
        forward = {result.index: result for result in session.propagate()}
        backward = {result.index: result for result in session.propagate(reverse=True)}
    for t in range(6):
        first, second = work.look(t).masks
        assert np.array_equal(first, forward[t].masks[0]), "known from frame 0 on"
        if t == 0:
            assert not second.any()
        elif t < 4:
            assert np.array_equal(second, backward[t].masks[1] & ~first)
    assert all(np.array_equal(shown[-1 - t].masks, work.look(1 + t).masks) for t in range(3))
    work.add(Click(22, 40), object_id=2, frame=2)
    assert list(work.scores) == [0, 1, 3, 4], "backwards what follows a change is what lies before it"


def test_a_minus_click_begins_nothing_backwards_either(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    forward = list(work.track())
    work.add(Click(70, 50, positive=False), object_id=1, frame=4)
    again = list(work.track("both"))
    assert [result.index for result in again] == [0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0]
    assert all(np.array_equal(work.look(t).masks, forward[t].masks) for t in range(4))


def test_a_scribble_changes_the_mask_and_an_eraser_takes_away(work: Work):
    work.add(Click(20, 30), object_id=1, frame=0)
    before = work.look(0).masks[0]
    work.add(Scribble([(40, 50), (80, 50)]), object_id=1, frame=0)
    more = work.look(0).masks[0]
    work.add(Scribble([(40, 50), (60, 56), (80, 50)], positive=False), object_id=1, frame=0)
    less = work.look(0).masks[0]
    assert not np.array_equal(more, before)
    assert np.count_nonzero(less[45:58, 38:84]) <= np.count_nonzero(more[45:58, 38:84])


def test_a_name_stays_with_its_object_and_goes_into_files(work: Work):
    with pytest.raises(SeemVideoError, match="no object 1 to name yet"):
        work.rename(1, "ball")
    work.add(Click(20, 30), object_id=1, frame=0)
    next(work.track())
    with pytest.raises(SeemVideoError, match="1 to 40 characters"):
        work.rename(1, "  ")
    work.rename(1, " red  square ")
    assert list(work.scores) == [0], "a name takes nothing back"
    work.add(Click(20, 30), object_id=1, frame=0)
    assert len(work.prompts) == 1, "the same click again"
    work.add(Click(22, 31), object_id=1, frame=0)
    assert work.look(0).labels == ("red square",)
    next(work.track())
    (rle,) = write_outputs(work, ["rle"])
    assert json.loads(rle.read_text())["objects"]["1"]["label"] == "red square"


def test_a_hidden_object_is_left_out_of_the_picture_only(work: Work):
    plain = np.asarray(Image.open(work.picture(work.look(0))))
    work.add(Click(20, 30), object_id=1, frame=0)
    work.hidden.add(1)
    assert np.array_equal(np.asarray(Image.open(work.picture(work.look(0)))), plain)
    assert work.look(0).masks.any()


def test_a_frame_beyond_the_clip_is_refused_in_a_sentence(work: Work):
    with pytest.raises(SeemVideoError, match="has no frame 99"):
        work.look(99)


def test_a_clip_whose_header_does_not_count_is_counted(tmp_path: Path, model):
    folder = tmp_path / "work"
    folder.mkdir()
    work = Work(write_clip(tmp_path / "clip.mkv", moving_square(4)), model, folder)
    assert work.frames == 4
    work.close()
