"""The task that Label Studio imports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import scene, write_results

from seem_video.results import FrameResult

CONFIG = """
<View>
  <Video name="video" value="$video"/>
  <Labels name="labels" toName="video"><Label value="1"/><Label value="2"/></Labels>
  <VideoRectangle name="box" toName="video"/>
</View>
"""


def write(out: Path, **span: int) -> tuple[dict[str, Any], list[FrameResult]]:
    path, results = write_results(out, "labelstudio", scene(5), objects=2, **span)
    [task] = json.loads(path.read_text("utf-8"))
    return task, results


def boxes(region: dict[str, Any]) -> dict[int, tuple[float, ...]]:
    """Source index to left, top, width and height in pixels of the 96x64 frame."""
    frames = region["value"]["sequence"]
    places = (("x", 96), ("y", 64), ("width", 96), ("height", 64))
    return {each["frame"] - 1: tuple(each[name] * size / 100 for name, size in places) for each in frames}


def test_every_visible_object_has_its_box_and_an_absent_one_has_none(tmp_path: Path):
    task, results = write(tmp_path)
    assert task["data"] == {"video": "arrays"}
    first, second = task["predictions"][0]["result"]
    assert boxes(first).keys() == {0, 1, 2, 3, 4}
    assert boxes(second).keys() == {0, 2, 4}, "not visible on odd frames"
    assert not any(frame["enabled"] for frame in second["value"]["sequence"])
    assert [frame["enabled"] for frame in first["value"]["sequence"]] == [True] * 4 + [False]
    assert first["value"]["framesCount"] == 5
    for result in results:
        rows, columns = (np.flatnonzero(result.masks[0].any(axis=axis)) for axis in (1, 0))
        expected = columns[0], rows[0], len(columns), len(rows)
        assert boxes(first)[result.index] == pytest.approx(expected, abs=1e-3)


def test_an_object_that_is_never_seen_is_left_out(tmp_path: Path):
    task, _ = write(tmp_path, start=1, stop=2)
    assert [region["id"] for region in task["predictions"][0]["result"]] == ["1"]


def test_label_studio_takes_it(tmp_path: Path):
    interface = pytest.importorskip("label_studio_sdk.label_interface", reason="label-studio-sdk is not installed")
    from label_studio_sdk._extensions.label_studio_tools.postprocessing.video import extract_key_frames

    task, _ = write(tmp_path, stride=2)
    [prediction] = task["predictions"]
    assert interface.LabelInterface(CONFIG).validate_prediction(prediction, return_errors=True) == []
    first, second = extract_key_frames(prediction["result"])
    assert boxes(first).keys() == boxes(second).keys() == {0, 1, 2, 3, 4}, "what the stride left out is interpolated"
    task, _ = write(tmp_path / "every")
    _, second = extract_key_frames(task["predictions"][0]["result"])
    assert boxes(second).keys() == {0, 2, 4}, "nothing is interpolated while the object is gone"
