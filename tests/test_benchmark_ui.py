"""The benchmark of the web page: it times what a user of the page and of the command waits for."""

from __future__ import annotations

import shutil
from pathlib import Path

import benchmark_ui as benchmark
import pytest

CHROMIUM = shutil.which("chromium")


def test_each_click_is_timed_and_the_encoding_once(model, clip: Path):
    encoding, waits = benchmark.measure_clicks(clip, model, 3)
    assert len(waits) == 3
    assert min(encoding, *waits) > 0


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here")
def test_tracking_is_timed_in_the_page_and_in_the_command(model, clip: Path):
    pytest.importorskip("gradio", reason="the page needs Gradio: pip install 'seem-video[ui]'")
    pytest.importorskip("playwright", reason="a real browser is driven by Playwright")
    assert min(benchmark.measure_tracking(clip, model, CHROMIUM)) > 0
