"""What is taken home is what the command line writes, in every kind; a session comes back as it was."""

from __future__ import annotations

import sqlite3
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import moving_square, write_clip
from PIL import Image

from seem_video import Box, Click, PromptEntry, SeemVideoError, track
from seem_video.app.files import OUTPUTS, save_session, write_outputs
from seem_video.app.remake import open_session_file, with_model
from seem_video.app.work import Work
from seem_video.io.writer import FILES
from seem_video.tracking.session import open_session


@pytest.fixture
def work(clip: Path, tmp_path: Path, model):
    work = _work(clip, tmp_path / "work", model)
    yield work
    work.close()


def _work(clip: Path, folder: Path, model) -> Work:
    folder.mkdir()
    return Work(clip, model, folder)


def test_the_files_are_those_of_track(work: Work, clip: Path, tmp_path: Path, model):
    with pytest.raises(SeemVideoError, match="Nothing is tracked yet"):
        write_outputs(work)
    prompts = [PromptEntry(Click(20, 30), 1, 0), PromptEntry(Click(30, 30), 1, 2), PromptEntry(Click(60, 50), 2, 2)]
    for entry in prompts:
        work.add(entry.prompt, object_id=entry.object_id, frame=entry.at)
    list(work.track(last=4))
    write_outputs(work)
    overlay, masks, rle = write_outputs(work)
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


def test_every_kind_of_output_can_be_taken(work: Work):
    assert list(OUTPUTS) == list(FILES)
    work.add(Click(20, 30), object_id=1, frame=0)
    list(work.track(last=1))
    paths = write_outputs(work, list(OUTPUTS))
    assert [path.stem for path in paths] == [Path(file).stem for file in FILES.values()]
    assert all(path.is_file() for path in paths)
    with pytest.raises(SeemVideoError, match="at least one kind"):
        write_outputs(work, [])


def test_a_saved_session_comes_back_and_goes_on_in_the_command_too(work: Work, clip: Path, tmp_path: Path, model):
    work.add(Click(20, 30), object_id=1, frame=0)
    work.rename(1, "square")
    work.add(Box(50, 44, 90, 60), object_id=3, frame=4)
    list(work.track("both", last=3))
    path = save_session(work)
    assert path.name == "clip.seem"
    (tmp_path / "new").mkdir()
    again = open_session_file(path, work, tmp_path / "new")
    assert again.scores == work.scores
    assert (again.object_ids, again.unused_id) == ([1, 3], 4)
    for t in range(6):
        a, b = again.look(t), work.look(t)
        assert np.array_equal(a.masks, b.masks)
        assert a.labels == b.labels == ("square", "3")
    again.close()
    with open_session(clip, model, file=path) as session:
        assert next(session.propagate()).labels == ("square", "3")


def test_a_session_of_another_clip_is_refused(work: Work, tmp_path: Path, model):
    work.add(Click(20, 30), object_id=1, frame=0)
    other = _work(write_clip(tmp_path / "other.mp4", moving_square(4)), tmp_path / "other", model)
    (tmp_path / "new").mkdir()
    with pytest.raises(SeemVideoError, match="saved with another video; open that first"):
        open_session_file(save_session(work), other, tmp_path / "new")
    other.close()


@pytest.mark.parametrize(
    "harm",
    [
        "update results set found = replace(found, '\"size\": [64', '\"size\": [64000')",
        "update results set found = json_set(found, '$.masks[0]', 'oooooooooooo')",
        "update results set found = json_set(found, '$.objects[0]', 9)",
        "update results set frame = 99 where frame = 1",
        "update prompts set frame = 99",
        "update prompts set prompt = '{}'",
        "update prompts set object = 0",
        "drop table results",
        "drop table results; create view results as select 0 as frame, 0 as backwards, '{}' as found",
    ],
)
def test_a_damaged_session_is_refused_in_a_sentence(work: Work, tmp_path: Path, harm: str):
    work.add(Click(20, 30), object_id=1, frame=0)
    list(work.track(last=1))
    path = save_session(work)
    with sqlite3.connect(path) as db:
        db.executescript(harm)
    db.close()
    (tmp_path / "new").mkdir()
    with pytest.raises(SeemVideoError):
        open_session_file(path, work, tmp_path / "new")
    path.write_bytes(b"no session" * 200)
    with pytest.raises(SeemVideoError, match=r"'clip\.seem' is no session that this page can read"):
        open_session_file(path, work, tmp_path / "new")


def test_another_model_takes_over_the_prompts(work: Work, tmp_path: Path, model):
    work.add(Click(20, 30), object_id=1, frame=0)
    work.rename(1, "square")
    next(work.track())
    (tmp_path / "new").mkdir()
    again = with_model(model, work, tmp_path / "new")
    assert (again.prompts, again.scores) == (work.prompts, {})
    again.close()
