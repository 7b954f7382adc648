"""The benchmark of the released models: every stage in both precisions, and mistakes said in a sentence."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import benchmark_released
import pytest
from helpers import Finished, assert_refused
from tiny import write_manifest

from seem_video.model import released
from seem_video.terminal import run


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Finished]:
    def call(*words: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["benchmark_released.py", *map(str, words)])
        with pytest.raises(SystemExit) as leaving:
            run(benchmark_released.main)
        return Finished(int(leaving.value.code or 0), *capsys.readouterr())

    return call


def test_a_tracked_frame_is_the_sum_of_its_stages_and_masks_are_compared(
    benchmark: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(released, "SHORT_SIDE", 64)
    manifest = write_manifest("tiny_focal", tmp_path)
    finished = benchmark(manifest, "--objects", 2, "--runs", 1, "--device", "cpu", "--json")
    assert finished.code == 0
    measured = json.loads(finished.out)
    assert list(measured) == ["fp32", "bf16"]
    for one in measured.values():
        seconds = one["seconds"]
        parts = (benchmark_released.BACKBONE, benchmark_released.PIXEL_DECODER, benchmark_released.WITH_MEMORY)
        assert seconds[benchmark_released.IN_ALL] == pytest.approx(sum(seconds[part] for part in parts))
        assert one["peak_mb"] > 0
    assert 0 <= measured["bf16"]["iou_least"] <= measured["bf16"]["iou_mean"] <= 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("seem-nano",), "cannot be timed here"),
        (("no.manifest.json",), "is no manifest"),
        (("seem-nano", "--size", "large"), "not height x width"),
        (("seem-nano", "--precision", "fp8"), "no precision 'fp8'"),
    ],
)
def test_mistakes_are_said(words: tuple[str, ...], said: str, benchmark: Callable[..., Finished]) -> None:
    assert_refused(benchmark(*words, "--device", "cpu"), said)
