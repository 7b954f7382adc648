"""A session on disk: the prompts given and the masks found, in one SQLite file that is whole at every moment.

The masks are all that a tracker needs to go on, so the file holds nothing else of it and stays small: tables `about`
(what the session belongs to), `prompts` (in the order given) and `results` (a row a frame, for each direction).
"""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seem_video.errors import SeemVideoError
from seem_video.io.run_lengths import decode_mask, encode_mask
from seem_video.io.staging import failure
from seem_video.prompts import Prompt
from seem_video.prompts.records import from_record, to_record

_TABLES = """
create table if not exists about (name text primary key, value text);
create table if not exists prompts (id integer primary key, frame int, object int, label text, prompt text);
create table if not exists results (frame int, backwards int, found text, primary key (frame, backwards));
"""
_NAMES = {"about", "prompts", "results"}
_DAMAGE = (ValueError, KeyError, TypeError)  # what a row raises that is none of ours


@dataclass(frozen=True)
class Given:
    """A prompt of a session: whose it is, on which frame, and the name given with it."""

    frame: int
    object_id: int
    prompt: Prompt
    label: str | None


@dataclass(frozen=True)
class Tracked:
    """What was found on one frame.

    Attributes:
        object_ids: K ids, in the tracker's order. masks: (K, H, W) bool. scores: (K,) float32.
        held_frames: numbers of the frames that the tracker's memory was made of afterwards.
    """

    object_ids: tuple[int, ...]
    masks: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float32]
    held_frames: tuple[int, ...]


class SessionFile:
    """Opens a session file, or begins one where there is none."""

    def __init__(self, path: Path) -> None:
        """Raises `SeemVideoError` if the file is none of ours, which stays as it is, or cannot be written."""
        self.path = path
        with self._said():
            self._db = sqlite3.connect(path, isolation_level=None)
        try:
            with self._said():
                self._refuse_strangers()
                self._db.execute("pragma journal_mode = wal")
                self._db.execute("pragma synchronous = normal")
                self._db.executescript(_TABLES)
        except BaseException:
            self._db.close()
            raise

    def claim(self, about: Mapping[str, str]) -> None:
        """Say what the session belongs to, by name; a new file takes it over.

        Raises:
            SeemVideoError: the file was begun with something else, or cannot be written.
        """
        known = self.about()
        for name, value in about.items():
            if known.setdefault(name, value) != value:
                raise SeemVideoError(
                    f"The session file '{self.path}' was begun with another {name}; "
                    "give the same one again, or name a new session file."
                )
        with self.at_once():
            self._db.executemany("insert or replace into about values (?, ?)", known.items())

    def about(self) -> dict[str, str]:
        """What the session belongs to, by name; raises `SeemVideoError` if the file cannot be read."""
        with self._said():
            return dict(self._db.execute("select name, value from about"))

    def prompts(self) -> list[Given]:
        """All prompts, in the order given; raises `SeemVideoError` if the file cannot be read."""
        with self._said(*_DAMAGE):
            rows = self._db.execute("select frame, object, prompt, label from prompts order by id").fetchall()
            return [Given(frame, who, from_record(json.loads(text)), label) for frame, who, text, label in rows]

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """All that is changed within is in the file together, or nothing of it, whatever happens; may be nested.

        Raises:
            SeemVideoError: the file cannot be written.
        """
        with self._said():
            self._db.execute("savepoint change")
            try:
                yield
                self._db.execute("release change")
            except BaseException:
                with suppress(sqlite3.Error):  # a disk that is full has ended it already
                    self._db.execute("rollback to change")
                    self._db.execute("release change")
                raise

    def replace_prompts(self, prompts: Sequence[Given]) -> None:
        """Hold these prompts and no others; raises `SeemVideoError` if the file cannot be written."""
        rows = [(g.frame, g.object_id, g.label, json.dumps(to_record(g.prompt))) for g in prompts]
        with self.at_once():
            self._db.execute("delete from prompts")
            self._db.executemany("insert into prompts (frame, object, label, prompt) values (?, ?, ?, ?)", rows)

    def result(self, frame: int, *, backwards: bool) -> Tracked | None:
        """What was found on a frame in this direction, if it still holds; None if nothing is kept.

        Raises:
            SeemVideoError: the file cannot be read.
        """
        query = "select found from results where frame = ? and backwards = ?"
        with self._said(*_DAMAGE):
            row = self._db.execute(query, (frame, backwards)).fetchone()
            return None if row is None else _tracked(json.loads(row[0]))

    def keep(self, frame: int, tracked: Tracked, *, backwards: bool) -> None:
        """Keep what was found on a frame; raises `SeemVideoError` if the file cannot be written."""
        found = {
            "objects": tracked.object_ids,
            "size": tracked.masks.shape[1:],
            "masks": [encode_mask(mask)["counts"] for mask in tracked.masks],
            "scores": [float(score) for score in tracked.scores],
            "held": sorted(tracked.held_frames),
        }
        with self._said():
            self._db.execute("insert or replace into results values (?, ?, ?)", (frame, backwards, json.dumps(found)))

    def forget_from(self, frame: int) -> None:
        """Forget the results that a change of the prompts on a frame puts in doubt: there, and onwards from there.

        Raises:
            SeemVideoError: the file cannot be written.
        """
        with self.at_once():
            self._db.execute("delete from results where frame >= ? and not backwards", [frame])
            self._db.execute("delete from results where frame <= ? and backwards", [frame])

    def forget_object(self, object_id: int) -> None:
        """Take an object out of all results, so that another of its number starts with none.

        Raises:
            SeemVideoError: the file cannot be read or written.
        """
        with self.at_once(), self._said(*_DAMAGE):
            for row, text in self._db.execute("select rowid, found from results").fetchall():
                found = json.loads(text)
                if object_id in found["objects"]:
                    k = found["objects"].index(object_id)
                    del found["objects"][k], found["masks"][k], found["scores"][k]
                    self._db.execute("update results set found = ? where rowid = ?", (json.dumps(found), row))

    def scores(self, frame: int | None = None) -> dict[tuple[int, bool], dict[int, float]]:
        """By frame (this one, or all) and direction (backwards or not) the score of each object found there."""
        where, given = ("", ()) if frame is None else (" where frame = ?", (frame,))
        with self._said(*_DAMAGE):
            rows = self._db.execute(f"select frame, backwards, found from results{where}", given).fetchall()
            found = {(at, bool(backwards)): json.loads(text) for at, backwards, text in rows}
            return {key: dict(zip(each["objects"], each["scores"], strict=True)) for key, each in found.items()}

    def copy(self, path: Path) -> None:
        """Write the session as it is now, whole, to another path, where there is no file yet.

        Raises:
            SeemVideoError: it cannot be written.
        """
        with self._said():
            self._db.execute("vacuum into ?", (str(path),))

    def close(self) -> None:
        """Close the file; what was kept is in it."""
        self._db.close()

    def _refuse_strangers(self) -> None:
        tables = {name for (name,) in self._db.execute("select name from sqlite_master where type = 'table'")}
        if not tables <= _NAMES:
            raise SeemVideoError(f"'{self.path}' is a database of another program; name another session file.")

    @contextmanager
    def _said(self, *damage: type[Exception]) -> Iterator[None]:
        """Says in a sentence why the file cannot be read or written; `damage`: what a row that is not ours raises."""
        reasons: tuple[type[Exception], ...] = (sqlite3.Error, *damage)
        try:
            yield
        except reasons as error:
            if "full" in str(error):
                raise failure(OSError(errno.ENOSPC, "no space left"), self.path.parent) from error
            raise SeemVideoError(
                f"'{self.path}' cannot be used as a session file ({error}); name another file."
            ) from error


def _tracked(found: Mapping[str, Any]) -> Tracked:
    """A row of the results, as `SessionFile.keep` wrote it."""
    size = found["size"]
    masks = [decode_mask({"size": size, "counts": counts}) for counts in found["masks"]]
    return Tracked(
        object_ids=tuple(found["objects"]),
        masks=np.stack(masks) if masks else np.zeros((0, *size), bool),
        scores=np.array(found["scores"], np.float32),
        held_frames=tuple(found["held"]),
    )


def delete_session(path: Path) -> None:
    """Remove a session file that nobody has open, if it is there."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
