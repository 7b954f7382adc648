"""The jobs of a file and of a glob; a mistake is said with the line it is on, before anything is tracked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seem_video import Box, Click, PromptEntry, SeemVideoError
from seem_video.batch.jobs import Job, read_jobs

CLICK = [{"click": [5, 6]}]
ENTRIES = (PromptEntry(Click(5, 6)),)


def jobs_file(path: Path, *rows: object) -> str:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return str(path)


def test_a_line_is_a_job_with_paths_relative_to_the_file(tmp_path: Path):
    (tmp_path / "box.json").write_text('[{"box": [1, 2, 8, 9], "object": 3}]')
    path = jobs_file(
        tmp_path / "jobs.jsonl",
        {"source": "a.mp4", "prompts": CLICK},
        "",
        {"source": "rtsp://host/x", "prompts": "box.json", "name": "live", "stop": 9, "save": ["rle"]},
    )
    assert read_jobs(path, model="m", save=["masks"]) == [
        Job("a", str(tmp_path / "a.mp4"), ENTRIES, {"model": "m", "save": ["masks"]}),
        Job("live", "rtsp://host/x", (PromptEntry(Box(1, 2, 8, 9), 3),), {"model": "m", "save": ["rle"], "stop": 9}),
    ]


def test_a_model_that_is_a_file_is_relative_to_the_jobs_file_and_a_name_stays(tmp_path: Path):
    (tmp_path / "mine.safetensors").touch()
    rows = [
        {"source": f"{k}.mp4", "prompts": CLICK, "model": model}
        for k, model in enumerate(["mine.safetensors", "seem-nano", None])
    ]
    jobs = read_jobs(jobs_file(tmp_path / "jobs.jsonl", *rows), model="default")
    assert [job.options["model"] for job in jobs] == [str(tmp_path / "mine.safetensors"), "seem-nano", "default"]


def test_a_line_ends_where_json_lines_end(tmp_path: Path):
    row = {"source": "a.mp4", "prompts": [{"click": [5, 6], "label": "two\u2028lines"}]}
    [job] = read_jobs(jobs_file(tmp_path / "jobs.jsonl", json.dumps(row, ensure_ascii=False)))
    assert job.prompts[0].label == "two\u2028lines"


def test_a_glob_takes_prompts_beside_each_video_or_for_all(tmp_path: Path):
    for name in ("b10", "b9"):
        (tmp_path / f"{name}.mp4").touch()
        (tmp_path / f"{name}.json").write_text(json.dumps(CLICK))
    (tmp_path / "all.txt").write_text('[{"click": ["50%", "50%"]}]')
    beside = read_jobs(str(tmp_path / "b*"))
    assert [(job.name, job.prompts) for job in beside] == [("b9", ENTRIES), ("b10", ENTRIES)]
    shared = read_jobs(str(tmp_path / "*.mp4"), prompts=tmp_path / "all.txt")
    assert len({job.prompts for job in shared}) == 1
    assert shared[0].prompts != ENTRIES
    (tmp_path / "b9.json").unlink()
    with pytest.raises(SeemVideoError, match=r"write 'b9\.json' beside it, or give --prompts"):
        read_jobs(str(tmp_path / "*.mp4"))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{", "line 2: this is not JSON"),
        ({"prompts": CLICK}, "line 2: a job is an object with at least"),
        ({"source": "a.mp4"}, "line 2: a job is an object with at least"),
        ({"source": "b.mp4", "prompts": []}, "line 2.*neither a list of prompts"),
        ({"source": "b.mp4", "prompts": [{"click": [1]}]}, "line 2: In its prompts, prompt 1"),
        ({"source": "b.mp4", "prompts": CLICK, "stopp": 3}, "line 2: a job has no key 'stopp'"),
        ({"source": "b.mp4", "prompts": CLICK, "stop": "3"}, 'line 2: "stop" is "3"; write a whole number'),
        ({"source": "b.mp4", "prompts": CLICK, "name": "../b"}, "line 2.*plain name of a folder"),
        ({"source": "there/a.mp4", "prompts": CLICK}, "would be written into a folder 'a'"),
    ],
)
def test_mistakes_are_said_with_their_line(tmp_path: Path, row: object, words: str):
    path = jobs_file(tmp_path / "jobs.jsonl", {"source": "a.mp4", "prompts": CLICK}, row)
    with pytest.raises(SeemVideoError, match=words):
        read_jobs(path)


def test_no_job_at_all(tmp_path: Path):
    with pytest.raises(SeemVideoError, match="is empty"):
        read_jobs(jobs_file(tmp_path / "jobs.jsonl"))
    with pytest.raises(SeemVideoError, match="No video matches"):
        read_jobs(str(tmp_path / "*.mp4"))
    with pytest.raises(SeemVideoError, match="cannot be read"):
        read_jobs("gone.jsonl")
