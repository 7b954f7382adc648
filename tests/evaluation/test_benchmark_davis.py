"""The benchmark compares like with like: both evaluators score the same masks, and agree on them."""

from pathlib import Path

import benchmark_davis
import pytest

from seem_video.evaluation.davis import DavisDataset

from .data import draw_dataset

pytest.importorskip("vos_benchmark.benchmark", reason="pip install --no-deps vos-benchmark scikit-image")


@pytest.mark.parametrize(("year", "value"), [(2017, 1), (2016, 255)])
def test_both_evaluators_agree_on_moved_annotations(year: int, value: int, tmp_path: Path):
    draw_dataset(tmp_path / "gt", ["dog", "goat"], year=year, value=value)
    dataset = DavisDataset.open(tmp_path / "gt", year=year)
    (tmp_path / "moved").mkdir()
    masks = benchmark_davis.move_annotations(dataset, tmp_path / "moved")
    ours = benchmark_davis.ours(dataset, masks, 1)
    assert 0 < ours["dog"][1][0] < 1
    assert max(benchmark_davis.object_differences(ours, benchmark_davis.theirs(dataset, masks, 1))) < 1e-12
