"""The report is one file that shows the numbers and the worst frames, and loads nothing from elsewhere."""

import re
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from seem_video.evaluation.davis import DavisDataset
from seem_video.evaluation.report import write_report
from seem_video.evaluation.scoring import score_dataset

from .data import draw_dataset


def test_the_report_shows_numbers_and_worst_frames_and_needs_no_network(tmp_path):
    annotations = draw_dataset(tmp_path / "gt", ["dog", "<goat>"], length=6)
    dataset = DavisDataset.open(tmp_path / "gt")
    Image.fromarray(np.zeros((24, 32), np.uint8)).save(annotations.parent / "empty.png")
    results = tmp_path / "results"
    for name in ("dog", "<goat>"):
        (results / name).mkdir(parents=True)
        for path in (annotations / name).glob("*.png"):
            (results / name / path.name).write_bytes(path.read_bytes())
    (results / "dog" / "00003.png").write_bytes((annotations.parent / "empty.png").read_bytes())

    page = write_report(dataset, results, score_dataset(dataset, results), tmp_path / "out").read_text()
    assert "dog, frame 00003: J 0.0, F 0.0" in page
    assert "<goat>" not in page
    assert "87.5" in page  # J mean: one frame of eight is lost
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "<svg" in page
    for chart in re.findall(r"<svg.*?</svg>", page):
        ElementTree.fromstring(chart)
