"""What is to be tracked: the jobs of a file, or of all videos that a glob matches.

A jobs file has one JSON object a line::

    {"source": "a.mp4", "prompts": [{"click": [320, 240]}]}
    {"source": "b.mp4", "prompts": "b-prompts.json", "name": "second", "save": ["masks", "rle"], "stop": 100}

`source` and `prompts` (a list as in docs/prompts.md, or the path of such a file) must be there; `name`, the folder of
the outputs, is the source's without its suffix; `model`, `save`, `start`, `stop`, `stride` and `max_side` are as for
`track`. Paths are relative to the jobs file.
"""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seem_video.errors import SeemVideoError
from seem_video.io.images import natural_key
from seem_video.prompts import PromptEntry, load_prompts
from seem_video.prompts.parsing import parse_rows

_OPTIONS = {"model": str, "save": list, "start": int, "stop": int, "stride": int, "max_side": int}
_KEYS = ("source", "prompts", "name", *_OPTIONS)


@dataclass(frozen=True)
class Job:
    """One source to be tracked.

    Attributes:
        name: the folder of its outputs.
        source: a video, a folder or glob of images, or a stream's address.
        prompts: what to follow in it.
        options: further arguments of `track`.
    """

    name: str
    source: str
    prompts: tuple[PromptEntry, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


def read_jobs(jobs: str, *, prompts: Path | None = None, **options: Any) -> list[Job]:
    """The jobs of a `.jsonl` file, or of the videos that a glob matches.

    Args:
        jobs: the file, or the glob.
        prompts: the prompts file of every video that the glob matches; None for one beside each, `a.json` for `a.mp4`.
        options: arguments of `track` for jobs that do not say otherwise.

    Raises:
        SeemVideoError: a file or line that cannot be read, with its number, no job, or two of one name.
    """
    if jobs.endswith(".jsonl"):
        if prompts is not None:
            raise SeemVideoError(f"'{jobs}' has prompts for each job; give --prompts only with a glob of videos.")
        found = _from_lines(Path(jobs), options)
    else:
        found = _from_glob(jobs, prompts, options)
    names: dict[str, Job] = {}
    for job in found:
        if job.name in names:
            raise SeemVideoError(
                f"Both '{names[job.name].source}' and '{job.source}' would be written into a folder '{job.name}'; "
                'list them in a .jsonl file and give one another "name".'
            )
        names[job.name] = job
    return found


def _from_lines(path: Path, options: Mapping[str, Any]) -> list[Job]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # JSON may hold what splitlines takes for an end
    except OSError as error:
        raise SeemVideoError(f"The jobs file '{path}' cannot be read ({error.strerror}); check its path.") from error
    except ValueError as error:
        raise SeemVideoError(f"The jobs file '{path}' is not UTF-8 text; write one JSON object a line.") from error
    jobs = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                jobs.append(_job_of_line(line, path.parent, options))
            except SeemVideoError as error:
                raise SeemVideoError(f"In '{path}', line {number}: {error}") from error
    if not jobs:
        raise SeemVideoError(f"The jobs file '{path}' is empty; write one JSON object a line.")
    return jobs


def _job_of_line(line: str, folder: Path, options: Mapping[str, Any]) -> Job:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SeemVideoError(f"this is not JSON ({error}).") from error
    if not isinstance(row, dict) or not isinstance(row.get("source"), str) or "prompts" not in row:
        raise SeemVideoError('a job is an object with at least "source", a path, and "prompts".')
    if unknown := sorted(set(row) - set(_KEYS)):
        raise SeemVideoError(f"a job has no key '{unknown[0]}'; it may have {', '.join(_KEYS)}.")
    given = {key: row[key] for key in _OPTIONS if row.get(key) is not None}
    for key, value in given.items():
        if type(value) is not _OPTIONS[key]:
            raise SeemVideoError(f'"{key}" is {json.dumps(value)}; write a {_WORDS[_OPTIONS[key]]}.')
    if "model" in given and os.path.isfile(folder / given["model"]):
        given["model"] = str(folder / given["model"])
    source = row["source"]
    if "://" not in source:
        source = str(folder / source)
    name = row.get("name", _stem(source))
    if not isinstance(name, str) or not name or name.startswith(".") or {"/", "\\"} & set(name):
        raise SeemVideoError(f'"name" is {json.dumps(name)}; write the plain name of a folder.')
    return Job(name, source, _prompts(row["prompts"], folder), {**options, **given})


_WORDS = {str: "text", list: "list", int: "whole number"}


def _prompts(value: Any, folder: Path) -> tuple[PromptEntry, ...]:
    if isinstance(value, str):
        return tuple(load_prompts(folder / value))
    if not isinstance(value, list) or not value:
        raise SeemVideoError('"prompts" is neither a list of prompts nor the path of a prompts file.')
    return tuple(parse_rows(value, folder, "its prompts"))


def _from_glob(pattern: str, prompts: Path | None, options: Mapping[str, Any]) -> list[Job]:
    paths = [Path(name) for name in glob.glob(pattern, recursive=True)]
    sources = sorted((path for path in paths if path.suffix != ".json"), key=natural_key)
    if not sources:
        raise SeemVideoError(f"No video matches '{pattern}'; give a glob in quotes, or a .jsonl file of jobs.")
    shared = None if prompts is None else tuple(load_prompts(prompts))
    return [Job(_stem(str(path)), str(path), shared or _beside(path), options) for path in sources]


def _beside(source: Path) -> tuple[PromptEntry, ...]:
    path = source.with_suffix(".json")
    if not path.exists():
        raise SeemVideoError(f"'{source}' has no prompts: write '{path.name}' beside it, or give --prompts for all.")
    return tuple(load_prompts(path))


def _stem(source: str) -> str:
    return Path(source).stem
