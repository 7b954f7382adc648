"""Another work on the same clip: from a session file that was saved, or with another model."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from seem_video.app.work import Work
from seem_video.errors import SeemVideoError
from seem_video.io.run_lengths import decode_mask
from seem_video.prompts.records import from_record
from seem_video.tracking.propagation import VideoModel
from seem_video.tracking.session_file import Given, Tracked

_TABLES = {"about", "prompts", "results"}


def open_session_file(path: Path, old: Work, folder: Path) -> Work:
    """The work that a session file holds, on the clip and with the model of another work.

    The file comes from a stranger: it is only read, row by row, and every row is checked.

    Args:
        path: the file. old: the work on the clip. folder: an empty one, for the files of the new work.

    Raises:
        SeemVideoError: it is no session file, is damaged, or belongs to another clip or model.
    """
    work = Work(old.source, old.model, folder)
    try:
        with _told(path), closing(_open(path)) as db:
            _refuse_another(dict(db.execute("select name, value from about")), work, path)
            prompts = [_given(row, work) for row in db.execute("select frame, object, label, prompt from prompts")]
            work.restore(
                prompts, (_tracked(row, work) for row in db.execute("select frame, backwards, found from results"))
            )
    except BaseException:
        work.close()
        raise
    return work


def with_model(model: VideoModel, old: Work, folder: Path) -> Work:
    """A work with the prompts of another one, and another model; what was tracked is to be tracked again.

    Raises:
        SeemVideoError: the model takes no prompts of a kind that was given.
    """
    work = Work(old.source, model, folder)
    try:
        work.restore(old.prompts, ())
    except BaseException:
        work.close()
        raise
    work.frame, work.chosen = old.frame, old.chosen
    work.hidden, work.colors = old.hidden, old.colors
    return work


class _DamagedError(Exception):
    """A row that no session of this clip can have."""


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, _DamagedError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SeemVideoError(f"'{path.name}' is no session that this page can read, or it is damaged.") from error


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    db.execute("pragma trusted_schema = off")
    tables = {name for (name,) in db.execute("select name from sqlite_schema where type = 'table'")}
    if not tables >= _TABLES:
        db.close()
        raise _DamagedError
    return db


def _refuse_another(about: dict[str, str], work: Work, path: Path) -> None:
    for name, value in work.file.about().items():
        if about.get(name) != value:
            raise SeemVideoError(f"'{path.name}' was saved with another {name}; open that first, then the session.")


def _given(row: tuple[Any, ...], work: Work) -> Given:
    frame, object_id, label, text = row
    if not (isinstance(frame, int) and frame < work.frames and isinstance(label, str | None)):
        raise _DamagedError
    record = json.loads(text)
    if record["kind"] == "mask" and record["size"] != [work.info.height, work.info.width]:
        raise _DamagedError
    return Given(frame, object_id, from_record(record), label)


def _tracked(row: tuple[Any, ...], work: Work) -> tuple[int, bool, Tracked]:
    frame, backwards, text = row
    found = json.loads(text)
    size, ids = [work.info.height, work.info.width], found["objects"]
    scores, held = np.array(found["scores"], np.float32), tuple(found["held"])
    if found["size"] != size or not {*ids} <= {*work.object_ids} or not all(0 <= int(f) < work.frames for f in held):
        raise _DamagedError
    if not 0 <= int(frame) < work.frames or backwards not in (0, 1) or scores.shape != (len(ids),):
        raise _DamagedError
    masks = [decode_mask({"size": size, "counts": counts}) for counts in found["masks"]]
    if len(masks) != len(ids) or not np.isfinite(scores).all():
        raise _DamagedError
    stacked = np.stack(masks) if masks else np.zeros((0, *size), bool)
    return frame, bool(backwards), Tracked(tuple(ids), stacked, scores, held)
