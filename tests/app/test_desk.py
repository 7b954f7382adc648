"""A work is its owner's own; uploads are videos that stand by themselves; nothing is left of what is closed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from helpers import moving_square, write_clip

from seem_video import Click, SeemVideoError
from seem_video.app.desk import Desk, _Seat
from seem_video.app.remake import with_model
from seem_video.app.work import Work


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path / "root")
    yield desk
    desk.close_all()


def test_each_work_is_its_own_and_leaves_no_files(desk: Desk, clip: Path, tmp_path: Path, model):
    desk.open("a", clip, model)
    desk.open("b", clip, model)
    desk.do("a", lambda work: work.add(Click(20, 30), object_id=1, frame=0))
    assert desk.do("a", lambda work: work.object_ids) == [1]
    assert desk.do("b", lambda work: work.object_ids) == []
    with pytest.raises(SeemVideoError, match="no video here yet"):
        desk.do("c", Work.undo)
    desk.close("a")
    assert len(list((tmp_path / "root").iterdir())) == 1
    desk.close_all()
    assert not list((tmp_path / "root").iterdir())
    assert clip.exists(), "a clip that was named, not uploaded, stays where it is"


def test_a_run_lets_other_jobs_in_and_ends_with_its_work(desk: Desk, clip: Path, model):
    desk.open("a", clip, model)
    desk.do("a", lambda work: work.add(Click(20, 30), object_id=1, frame=0))
    run = desk.each("a", lambda work: work.track())
    assert next(run).index == 0
    assert desk.do("a", lambda work: work.look(0)).masks.any()
    assert next(run).index == 1
    desk.close("a")
    assert list(run) == []


@pytest.mark.parametrize("fails", [True, False])
def test_a_step_that_is_overtaken_by_another_clip_is_heard_of_no_more(
    desk: Desk, clip: Path, monkeypatch: pytest.MonkeyPatch, model, fails: bool
):
    desk.open("a", clip, model)
    overtaken, clear = Event(), _Seat.clear
    monkeypatch.setattr(_Seat, "clear", lambda seat: (overtaken.set(), clear(seat)))

    def run(_: Work):
        yield "before"
        assert overtaken.wait(60)
        if fails:
            raise SeemVideoError("the clip was closed meanwhile")
        yield "after"

    steps = desk.each("a", run)
    assert next(steps) == "before"
    with ThreadPoolExecutor(1) as other:
        opening = other.submit(desk.open, "a", clip, model)
        assert list(steps) == []
        opening.result()


def test_an_upload_that_is_refused_leaves_the_work_before(
    desk: Desk, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model
):
    desk.open("a", clip, model)
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(SeemVideoError, match=r"'broken\.mp4' is not a video that this page can read"):
        desk.open("a", tmp_path / "broken.mp4", model, uploaded=True)
    monkeypatch.setattr("seem_video.app.uploads.MOST_FRAMES", 3)
    with pytest.raises(SeemVideoError, match="has 4 frames, and the page takes uploads of up to 3"):
        desk.open("a", write_clip(tmp_path / "long.mp4", moving_square(4)), model, uploaded=True)
    assert desk.do("a", lambda work: work.info.name) == clip.name
    assert len(list((tmp_path / "root").iterdir())) == 1
    desk.open("a", write_clip(tmp_path / "short.mp4", moving_square(3)), model, uploaded=True)
    assert desk.do("a", lambda work: work.info.name) == "short.mp4"


@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8", "list.txt"])
def test_an_upload_cannot_be_a_list_of_other_files(desk: Desk, tmp_path: Path, name: str, model):
    write_clip(tmp_path / "secret.ts", moving_square(4))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.16,\n{tmp_path / 'secret.ts'}\n#EXT-X-ENDLIST\n"
    (tmp_path / name).write_text(playlist)
    with pytest.raises(SeemVideoError, match="is not a video that this page can read"):
        desk.open("a", tmp_path / name, model, uploaded=True)


def test_work_that_nobody_touches_goes_and_the_oldest_makes_room(desk: Desk, clip: Path, tmp_path: Path, model):
    for key in "abc":
        desk.open(key, clip, model)
    desk.do("a", lambda work: work.look(0))
    desk.sweep(most=2)
    assert [desk.has(key) for key in "abc"] == [True, False, True]
    desk.sweep(idle_s=0)
    assert not any(desk.has(key) for key in "abc")
    assert not list((tmp_path / "root").iterdir())
    assert len({desk.new_key() for _ in range(9)}) == 9


def test_a_change_that_fails_leaves_the_work_before(desk: Desk, clip: Path, tmp_path: Path, model):
    desk.open("a", clip, model)
    desk.do("a", lambda work: work.add(Click(20, 30), object_id=1, frame=0))

    def fail(old: Work, folder: Path) -> Work:
        raise SeemVideoError("It is broken.")

    with pytest.raises(SeemVideoError, match="broken"):
        desk.change("a", fail)
    assert desk.do("a", lambda work: work.object_ids) == [1]
    desk.change("a", partial(with_model, model))
    desk.change("a", partial(with_model, model))
    assert desk.do("a", lambda work: work.object_ids) == [1]
    desk.close("a")
    assert not list((tmp_path / "root").iterdir())


def test_what_is_asked_for_during_a_change_is_done_with_the_new_work(desk: Desk, clip: Path, model):
    desk.open("a", clip, model)
    begun, asking = Event(), Event()

    def remake(old: Work, folder: Path) -> Work:
        begun.set()
        asking.wait()
        time.sleep(0.1)  # until what is asked for waits for its turn
        return with_model(model, old, folder)

    def ask() -> None:
        asking.set()
        desk.do("a", lambda work: work.add(Click(20, 30), object_id=1, frame=0))

    with ThreadPoolExecutor(2) as users:
        changed = users.submit(desk.change, "a", remake)
        begun.wait()
        users.submit(ask).result()
        changed.result()
    assert desk.do("a", lambda work: work.object_ids) == [1]
