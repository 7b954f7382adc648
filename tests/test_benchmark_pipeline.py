"""The benchmark of the whole job: its boxes fit the frame side by side, and its stages add up."""

from __future__ import annotations

from pathlib import Path

import benchmark_pipeline as benchmark
import pytest

from seem_video import Box, open_reader


@pytest.mark.parametrize("count", [1, 2, 5, 10, 20])
def test_boxes_lie_side_by_side_in_the_frame(count: int):
    boxes = [entry.prompt for entry in benchmark.grid(count, 854, 480)]
    assert len(boxes) == count
    taken = set()
    for box in boxes:
        assert isinstance(box, Box)
        x0, y0, x1, y1 = (int(float(edge)) for edge in (box.x0, box.y0, box.x1, box.y1))  # type: ignore[arg-type]
        assert 0 <= x0 < x1 < 854
        assert 0 <= y0 < y1 < 480
        pixels = {(x, y) for x in range(x0, x1 + 1, 4) for y in range(y0, y1 + 1, 4)}
        assert not taken & pixels
        taken |= pixels


def test_a_row_has_every_stage_and_what_the_model_waited(model, clip: Path):
    reader = open_reader(clip)
    row = benchmark.measure(clip, list(reader), reader.info, model, 2)
    assert row.objects == 2
    assert min(row[1:]) > 0
    assert row.for_reader + row.for_writer < row.job


def test_not_the_model_is_what_the_job_takes_beyond_it():
    assert benchmark.Row(1, 2, 90, 5, 100, 1, 1).not_model == pytest.approx(0.1)
