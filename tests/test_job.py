"""track(): what the outputs, the account of the run and the exceptions owe to a caller in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import Finished, moving_square
from PIL import Image
from tiny import filled

import seem_video
from seem_video import Box, Click, MaskPrompt, PromptEntry, Seconds, SeemVideoError, TrackSummary, track
from seem_video.results import FrameResult


def test_a_clip_becomes_outputs_and_an_account_of_them(clip: Path, tmp_path: Path, model):
    seen: list[tuple[int, int | None]] = []
    out = tmp_path / "out"
    prompts = [Box(10, 20, 29, 39), PromptEntry(Click(60, 50), 2, label="ground")]
    summary = track(clip, prompts, out=out, model=model, on_frame=lambda result, n: seen.append((result.index, n)))
    assert seen == [(t, 6) for t in range(6)]
    assert sorted(path.name for path in summary.files) == ["contact_sheet.png", "masks", "masks.json", "overlay.mp4"]
    assert sorted(summary.files) == sorted(out.iterdir())
    assert summary.frames == 6
    assert summary.labels == {1: "1", 2: "ground"}
    assert summary.broken is None
    assert min(summary.decode_s, summary.model_s, summary.write_s) > 0
    assert summary.decode_s + summary.model_s + summary.write_s == pytest.approx(summary.seconds)
    for object_id, runs in summary.visible.items():
        frames = {t for t in range(6) if (np.asarray(Image.open(out / "masks" / f"{t:05}.png")) == object_id).any()}
        assert {t for first, last in runs for t in range(first, last + 1)} == frames


def test_arrays_are_tracked_as_files_are(tmp_path: Path, model):
    images = moving_square(frames=3)
    mask = np.zeros(images.shape[1:3], bool)
    mask[20:40, 10:30] = True
    summary = track(iter(images), [MaskPrompt(mask)], out=tmp_path / "out", model=model, save=["masks"])
    assert summary.frames == 3
    assert [path.name for path in summary.files] == ["masks"]


def test_start_stop_and_stride_choose_frames_and_prompts_follow(clip: Path, tmp_path: Path, model):
    prompts = [Click(20, 30), PromptEntry(Click(60, 50), 2, at=Seconds(0.14))]
    options = {"out": tmp_path / "out", "model": model, "save": ["masks", "rle"]}
    summary = track(clip, prompts, start=1, stop=6, stride=2, **options)
    assert [path.name for path in sorted((tmp_path / "out" / "masks").iterdir())] == [
        "00001.png",
        "00003.png",
        "00005.png",
    ]
    assert summary.frames == 3
    assert all(first >= 3 for first, _ in summary.visible[2]), "an object is not seen before its first prompt"


def test_a_generator_that_ends_before_a_prompt_says_so_and_keeps_what_it_gave(tmp_path: Path, model):
    prompts = [Click(20, 30), PromptEntry(Click(60, 50), at=9)]
    with pytest.raises(SeemVideoError, match="frame 9"):
        track(iter(moving_square(3)), prompts, out=tmp_path / "out", model=model, save=["masks"])
    assert len(list((tmp_path / "out" / "masks.partial").iterdir())) == 3


def test_words_and_a_reference_image_start_a_track_of_a_released_model(
    seem: Callable[..., Finished], clip: Path, tmp_path: Path
):
    torch.save(filled("tiny_focal", vocabulary=49_408, context=77), tmp_path / "seem_tiny_v1.pt")
    Image.fromarray(moving_square(1)[0]).save(tmp_path / "square.png")
    rows = [{"text": "the ground", "object": 3, "at": 2}]
    (tmp_path / "more.json").write_text(json.dumps(rows))
    words = ["--text", "the red square", "--object", "2", "--reference", tmp_path / "square.png"]
    words += ["--reference-box", "10,20,29,39", "--prompts", tmp_path / "more.json"]
    options = ["--model", tmp_path / "seem_tiny_v1.pt", "--device", "cpu", "--save", "masks,rle", "--max-side", "96"]
    finished = seem("track", clip, *words, *options, "--stop", 4, "--out", tmp_path / "out")
    assert finished.code == 0, finished.err
    assert "object 1 (the red square): visible in" in finished.out
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 4
    objects = json.loads((tmp_path / "out" / "masks.json").read_text())["objects"]
    assert [entry["label"] for entry in objects.values()] == ["the red square", "2", "the ground"]


def test_ids_and_frames_may_be_numpy_numbers(clip: Path, tmp_path: Path, model):
    ids = np.zeros((64, 96), np.uint8)
    ids[20:40, 10:30] = 7
    prompts = [PromptEntry(MaskPrompt(ids == i), i, at=np.int64(0)) for i in np.unique(ids) if i]
    assert list(track(clip, prompts, out=tmp_path / "out", model=model, stop=2, save=["rle"]).visible) == [7]


def _result(index: int, *visible: bool) -> FrameResult:
    masks = np.zeros((len(visible), 2, 2), bool)
    masks[list(visible)] = True
    ids = tuple(range(1, len(visible) + 1))
    scores = np.ones(len(visible), np.float32)
    return FrameResult(index, 0.0, None, np.zeros((2, 2, 3), np.uint8), ids, masks, scores, tuple(map(str, ids)))


def test_visible_frames_are_kept_as_runs():
    summary = TrackSummary("clip", Path("out"))
    for index, visible in zip(range(0, 12, 2), (True, True, False, True, False, True), strict=True):
        summary.count(_result(index, visible, False))
    assert summary.visible == {1: [(0, 2), (6, 6), (10, 10)], 2: []}
    assert summary.seen == {1: 4}


def test_the_public_names_are_all_there():
    for name in seem_video.__all__:
        assert getattr(seem_video, name) is not None
    assert set(seem_video.__all__) <= set(dir(seem_video))
    with pytest.raises(AttributeError, match="no attribute 'trakc'"):
        seem_video.trakc  # noqa: B018
