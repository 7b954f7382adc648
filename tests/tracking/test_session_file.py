"""Session files: nothing is tracked twice, what goes on is what would have been, corrections change what follows."""

import sqlite3
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from seem_video import Box, Click, MaskPrompt, Percent, Polygon, Reference, Scribble, Text, open_session
from seem_video.errors import SeemVideoError
from seem_video.prompts.records import from_record, to_record
from seem_video.results import FrameResult
from seem_video.tracking.session import VideoSession
from seem_video.tracking.session_file import SessionFile

SIZE = (96, 128)
COUNT = 24


def _disc(t: int, *, y: int = 48) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (rows - y) ** 2 + (columns - (30 + 2 * t)) ** 2 < 18**2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A red disc moving right over a quiet green ground."""
    rng = np.random.default_rng(0)
    ground = np.clip(np.array([60, 120, 70]) + rng.normal(0, 6, (*SIZE, 3)), 0, 255).astype(np.uint8)
    (tmp_path / "frames").mkdir()
    for t in range(COUNT):
        frame = ground.copy()
        frame[_disc(t)] = (210, 40, 40)
        cv2.imwrite(str(tmp_path / f"frames/{t:03d}.png"), frame[..., ::-1])
    return tmp_path / "frames"


def _prompt(session: VideoSession) -> None:
    corner = np.zeros(SIZE, bool)
    corner[:20, :20] = True
    session.add(Click(30, 48))
    session.add(MaskPrompt(corner), object_id=2, frame=3, label="corner")


def _equal(a: FrameResult, b: FrameResult) -> bool:
    same_words = (a.index, a.object_ids, a.labels) == (b.index, b.object_ids, b.labels)
    return same_words and np.array_equal(a.masks, b.masks) and np.array_equal(a.scores, b.scores)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_run_that_was_broken_off_goes_on_to_the_very_same_results(
    model, folder: Path, tmp_path: Path, reverse: bool
) -> None:
    with open_session(folder, model) as session:
        _prompt(session)
        whole = list(session.propagate(reverse=reverse, start=COUNT - 1 if reverse else None))
    for broken_off in (1, 2, 13, COUNT):
        file = tmp_path / f"{broken_off}.seem"
        with open_session(folder, model, file=file) as session:
            _prompt(session)
            run = session.propagate(reverse=reverse, start=COUNT - 1 if reverse else None)
            for _ in range(broken_off):
                next(run)
        with open_session(folder, model, file=file) as session:
            again = list(session.propagate(reverse=reverse, start=COUNT - 1 if reverse else None))
        assert all(map(_equal, again, whole))
        assert len(again) == len(whole)


def test_what_is_in_the_file_is_not_tracked_again(
    model, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_session(folder, model, file=tmp_path / "work.seem") as session:
        _prompt(session)
        before = list(session.propagate())
    monkeypatch.setattr("seem_video.tracking.tracker.Tracker.step", None)
    with open_session(folder, model, file=tmp_path / "work.seem") as session:
        _prompt(session)  # the same prompts again change nothing
        assert all(map(_equal, session.propagate(), before))


def test_a_correction_changes_its_frame_and_what_follows_and_undoing_it_brings_the_old_masks_back(
    model, folder: Path, tmp_path: Path
) -> None:
    with open_session(folder, model, file=tmp_path / "work.seem") as session:
        _prompt(session)
        before = list(session.propagate())
        lower = np.zeros(SIZE, bool)
        lower[60:90, 60:90] = True
        session.add(MaskPrompt(lower), frame=10)
        corrected = list(session.propagate())
        assert all(map(_equal, corrected[:10], before[:10]))
        assert np.array_equal(corrected[10].masks[0], lower)
        assert session.undo().frame == 10
        assert all(map(_equal, session.propagate(), before))


def test_a_copy_has_all_that_is_there_and_scores_are_told_by_frame_and_direction(
    model, folder: Path, tmp_path: Path
) -> None:
    with open_session(folder, model, file=tmp_path / "work.seem") as session:
        _prompt(session)
        forward = list(session.propagate(stop=2))
        backward = list(session.propagate(reverse=True, stop=2))
        file = SessionFile(tmp_path / "work.seem")
        file.copy(tmp_path / "copy.seem")
        file.close()
    copy = SessionFile(tmp_path / "copy.seem")
    scores = copy.scores()
    assert list(scores) == [(0, False), (1, False), (3, True)]
    assert scores[1, False] == {1: forward[1].scores[0]}
    assert copy.scores(3) == {(3, True): {2: backward[0].scores[1]}}
    assert [given.label for given in copy.prompts()] == [None, "corner"]
    copy.close()


def test_a_removed_object_leaves_the_masks_of_the_others(model, folder: Path, tmp_path: Path) -> None:
    with open_session(folder, model, file=tmp_path / "work.seem") as session:
        _prompt(session)
        before = list(session.propagate())
        session.remove(2)
        after = list(session.propagate())
        session.add(Box(70, 20, 100, 40), object_id=2, frame=12)
        again = list(session.propagate())
    assert all(np.array_equal(a.masks, b.masks[:1]) for a, b in zip(after, before, strict=True))
    assert not any(result.masks[1].any() for result in again[:12]), "the first object 2 is not the second one"


def test_a_file_of_another_video_or_setting_is_refused(model, folder: Path, tmp_path: Path) -> None:
    with open_session(folder, model, file=tmp_path / "work.seem") as session:
        _prompt(session)
    with pytest.raises(SeemVideoError, match="begun with another choice of frames"):
        open_session(folder, model, stride=2, file=tmp_path / "work.seem")
    (folder / "999.png").write_bytes((folder / "000.png").read_bytes())
    with pytest.raises(SeemVideoError, match="begun with another video"):
        open_session(folder, model, file=tmp_path / "work.seem")
    with pytest.raises(SeemVideoError, match="cannot be read again"):
        open_session((frame for frame in np.zeros((2, *SIZE, 3), np.uint8)), model, file=tmp_path / "other.seem")
    (tmp_path / "text.seem").write_text("no database, but long enough to be taken for one" * 20)
    with pytest.raises(SeemVideoError, match="cannot be used as a session file"):
        open_session(folder, model, file=tmp_path / "text.seem")


def test_a_database_of_another_program_is_refused_and_left_as_it_is(model, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    for table, words in (("bookmarks", "a database of another program"), ("prompts", "no such column")):
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"create table {table} (name text)")
        before = path.read_bytes()
        with pytest.raises(SeemVideoError, match=words):
            open_session(folder, model, file=path)
        if table == "bookmarks":
            assert path.read_bytes() == before


def test_a_damaged_row_is_said(model, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "work.seem"
    with open_session(folder, model, file=str(path)) as session:
        _prompt(session)
        next(session.propagate())
    for change in ("update results set found = '{}'", 'update prompts set prompt = \'{"kind": "kick"}\''):
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(change)
        with (
            pytest.raises(SeemVideoError, match="cannot be used as a session file"),
            open_session(folder, model, file=path) as session,
        ):
            next(session.propagate())


@pytest.mark.parametrize("forget", [VideoSession.undo, lambda session: session.remove(2)])
def test_a_change_that_fails_midway_leaves_the_file_as_it_was(model, folder: Path, tmp_path: Path, forget) -> None:
    path = tmp_path / "work.seem"
    with open_session(folder, model, file=path) as session:
        _prompt(session)
        before = list(session.propagate(stop=5))
        with closing(sqlite3.connect(path)) as db:
            for what in ("delete", "update"):
                db.execute(f"create trigger no_{what} before {what} on results begin select raise(abort, 'cut'); end")
        with pytest.raises(SeemVideoError, match="cut"):
            forget(session)
    with open_session(folder, model, file=path) as session:
        assert [given.label for given in session.prompts] == [None, "corner"]
        assert all(map(_equal, session.propagate(stop=5), before))


def test_after_a_correction_behind_a_run_what_it_still_finds_is_not_taken_for_what_holds(
    model, folder: Path, tmp_path: Path
) -> None:
    lower = np.zeros(SIZE, bool)
    lower[60:90, 60:90] = True
    with open_session(folder, model) as session:
        _prompt(session)
        session.add(MaskPrompt(lower), frame=2)
        expected = list(session.propagate(stop=10))
    with open_session(folder, model, file=tmp_path / "work.seem") as session:
        _prompt(session)
        for result in session.propagate(stop=10):
            if result.index == 5:
                session.add(MaskPrompt(lower), frame=2)
        list(session.propagate(stop=6))
        assert all(map(_equal, session.propagate(stop=10), expected))


def test_every_prompt_comes_back_from_its_record() -> None:
    mask = _disc(0)
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    simple = [
        Click(3, Percent(33.3), positive=False),
        Box(1, 2, 30, 40),
        Scribble([(1, 2), (Percent(50), 4)], positive=False),
        Polygon([(0, 0), (9, 0), (9, 9)]),
        Text("the brown dog"),
    ]
    assert [from_record(to_record(prompt)) for prompt in simple] == simple
    back = from_record(to_record(MaskPrompt(mask)))
    assert isinstance(back, MaskPrompt)
    assert np.array_equal(back.mask, mask)
    shown = from_record(to_record(Reference(image, [Box(2, 3, 8, 9)], "dog.jpg")))
    assert isinstance(shown, Reference)
    assert np.array_equal(shown.image, image)
    assert (shown.region, shown.name) == ((Box(2, 3, 8, 9),), "dog.jpg")
