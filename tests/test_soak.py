"""The soak benchmark: it tells a leak from noise, and its discs are where its prompts say."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soak

from seem_video import Box


def _samples(leak_mb: float) -> list[soak.Sample]:
    """Memory that wanders by some MB as an allocator's does, and grows by `leak_mb` a thousand frames."""
    rng = np.random.default_rng(0)
    wander = np.zeros(400)
    for i in range(1, 400):
        wander[i] = 0.8 * wander[i - 1] + rng.normal(0, 2)
    return [soak.Sample(1000 + 50 * i, i / 10, 900 + wander[i] + leak_mb * (1 + i / 20)) for i in range(400)]


@pytest.mark.parametrize(("leak_mb", "seen"), [(0.0, False), (1.5, True)])
def test_a_leak_is_told_from_noise(leak_mb: float, seen: bool):
    slope = soak.fit_slope(_samples(leak_mb))
    assert (abs(slope.mb) > slope.noise_mb) == seen
    assert slope.mb == pytest.approx(leak_mb, abs=0.5)


def test_memory_that_never_moves_has_no_slope_and_no_noise():
    assert soak.fit_slope([soak.Sample(i, i, 900.0) for i in range(10)]) == pytest.approx((0, 0), abs=1e-6)


def test_each_disc_begins_in_its_box_and_the_ground_moves():
    discs = soak.Discs(5)
    first, second = discs.frames(2)
    assert first.shape == (480, 854, 3)
    assert (first != second).mean() > 0.5
    for entry in discs.prompts():
        assert isinstance(entry.prompt, Box)
        box = entry.prompt
        x, y = round((float(box.x0) + float(box.x1)) / 2), round((float(box.y0) + float(box.y1)) / 2)
        assert tuple(first[y, x]) == soak.object_color(entry.object_id)
        assert tuple(first[round(float(box.y0)) + 2, round(float(box.x0)) + 2]) != soak.object_color(entry.object_id)


def test_a_short_soak_notes_memory_and_can_be_drawn(model, tmp_path: Path):
    samples = soak.soak(3, 2, every=1, csv_file=tmp_path / "soak.csv", model=model, save=["rle"], max_side=96)
    assert [sample.frame for sample in samples] == [0, 1, 2]
    assert min(sample.memory_mb for sample in samples) > 50
    assert (tmp_path / "soak.csv").read_text().splitlines()[0] == "frame,seconds,memory_mb"
    assert len((tmp_path / "soak.csv").read_text().splitlines()) == 4
    ElementTree.fromstring(soak.draw_svg(samples, soak.fit_slope(samples), "3 frames"))
