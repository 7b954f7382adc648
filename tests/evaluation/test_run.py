"""A run over DAVIS: scores, record, and what it refuses to mix; the tracker is a stand-in that sees bright squares."""

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import seem_video
from seem_video import Click, FrameResult, SeemVideoError, open_reader, prompts
from seem_video.evaluation.record import area_under_curve, round_curve
from seem_video.evaluation.run import run_davis

from .data import StandIn, draw_dataset


class ThresholdSession:
    """Finds the bright square of a frame; where `lost` says so it finds nothing, until a click corrects that frame."""

    lost: ClassVar[set[int]] = set()
    tracked: ClassVar[list[str]] = []
    given: ClassVar[list[object]] = []

    def __init__(self, source, model):
        self.reader = open_reader(source)
        self.corrected = set()
        self.ids = set()
        self.tracked.append(source.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()

    def add(self, prompt, *, object_id=1, frame=0):
        self.ids.add(object_id)
        self.given.append(prompt)
        if frame and isinstance(prompt, Click):
            self.corrected.add(frame)

    def propagate(self):
        for frame in self.reader:
            mask = frame.image[..., 0] > 127
            if frame.index in self.lost - self.corrected:
                mask[:] = False
            yield FrameResult(
                frame.index, frame.time_s, frame.pts, frame.image, (1,), mask[None], np.ones(1, np.float32), ("1",)
            )


@pytest.fixture
def tracker(monkeypatch):
    monkeypatch.setattr(seem_video, "open_session", ThresholdSession, raising=False)
    model = StandIn()
    monkeypatch.setattr(seem_video, "load_model", lambda name, device: model, raising=False)
    monkeypatch.setattr(ThresholdSession, "lost", set())
    monkeypatch.setattr(ThresholdSession, "tracked", [])
    monkeypatch.setattr(ThresholdSession, "given", [])
    return ThresholdSession


@pytest.mark.parametrize("init", ["mask", "click", "box", "scribble", "polygon"])
def test_a_run_writes_masks_tables_and_a_record(init, tracker, tmp_path):
    draw_dataset(tmp_path / "gt", ["dog", "goat"])
    result = run_davis(tmp_path / "gt", tmp_path / "out", init=init)
    assert result.scores.jf > 0.9
    assert (tmp_path / "out" / "global_results-val.csv").is_file()
    assert len(list((tmp_path / "out" / "masks" / "goat").glob("*.png"))) == 5
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["settings"]["init"] == init
    assert record["sequences"]["dog"]["frames"] == 5
    assert record["sequences"]["dog"]["confidence"] == [[1.0, 1.0, 1.0]]


@dataclass(frozen=True)
class Words:
    """Stands for the prompt in words, which is the tracker's business."""

    words: str


def test_words_come_from_a_file_and_are_part_of_the_settings(tracker, tmp_path, monkeypatch):
    monkeypatch.setattr(prompts, "Text", Words, raising=False)
    draw_dataset(tmp_path / "gt", ["dog"])
    texts = tmp_path / "texts.txt"
    texts.write_text('dog 1 "a bright square"\n')
    run_davis(tmp_path / "gt", tmp_path / "out", init="text", texts=texts)
    assert tracker.given == [Words("a bright square")]
    texts.write_text('dog 1 "a square"\n')
    with pytest.raises(SeemVideoError, match="another run, with texts"):
        run_davis(tmp_path / "gt", tmp_path / "out", init="text", texts=texts)


def test_words_that_are_missing_are_said_before_anything_is_tracked(tracker, tmp_path):
    draw_dataset(tmp_path / "gt", ["dog", "goat"])
    with pytest.raises(SeemVideoError, match="DAVIS itself carries no text"):
        run_davis(tmp_path / "gt", tmp_path / "out", init="text")
    texts = tmp_path / "texts.txt"
    texts.write_text('dog 1 "a bright square"\n')
    with pytest.raises(SeemVideoError, match="Sequence goat, object 1"):
        run_davis(tmp_path / "gt", tmp_path / "out", init="text", texts=texts)
    with pytest.raises(SeemVideoError, match="this run has init click"):
        run_davis(tmp_path / "gt", tmp_path / "out", init="click", texts=texts)
    assert not tracker.tracked


def test_correction_rounds_mend_the_worst_frame_and_give_a_curve(tracker, tmp_path):
    draw_dataset(tmp_path / "gt", ["dog"])
    tracker.lost = {1, 2}
    result = run_davis(tmp_path / "gt", tmp_path / "out", rounds=2)
    jf = [point[0] for point in round_curve(result.record)]
    assert jf[0] < jf[1] < jf[2]
    assert area_under_curve(round_curve(result.record)) == pytest.approx((jf[0] + 2 * jf[1] + jf[2]) / 4)
    assert len(result.record.sequences["dog"].prompts) == 3
    assert result.scores.jf == pytest.approx(jf[2])


def test_an_interrupted_run_goes_on_where_it_stopped(tracker, tmp_path):
    draw_dataset(tmp_path / "gt", ["dog", "goat"])

    def stop_after_dog(name, run, reused):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_davis(tmp_path / "gt", tmp_path / "out", on_sequence=stop_after_dog)
    run_davis(tmp_path / "gt", tmp_path / "out")
    assert tracker.tracked == ["dog", "goat"]


def test_results_of_another_run_are_never_reused(tracker, tmp_path):
    annotations = draw_dataset(tmp_path / "gt", ["dog"])
    run_davis(tmp_path / "gt", tmp_path / "out")
    with pytest.raises(SeemVideoError, match=r"another run, with init mask \(now click\)"):
        run_davis(tmp_path / "gt", tmp_path / "out", init="click")
    (annotations / "dog" / "00004.png").write_bytes((annotations / "dog" / "00003.png").read_bytes())
    with pytest.raises(SeemVideoError, match=r"another run, with data"):
        run_davis(tmp_path / "gt", tmp_path / "out")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").touch()
    with pytest.raises(SeemVideoError, match="not empty"):
        run_davis(tmp_path / "gt", tmp_path / "photos")


def test_a_failure_names_the_sequence_and_keeps_what_is_done(tracker, tmp_path):
    draw_dataset(tmp_path / "gt", ["dog", "goat"])
    (tmp_path / "gt" / "JPEGImages" / "480p" / "goat" / "00000.jpg").unlink()
    with pytest.raises(SeemVideoError, match="Sequence goat, frame 00000"):
        run_davis(tmp_path / "gt", tmp_path / "out")
    assert list(json.loads((tmp_path / "out" / "run.json").read_text())["sequences"]) == ["dog"]
    assert not (tmp_path / "out" / "masks" / "goat").exists()
