"""A frame's result in the hands of other packages."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from seem_video.errors import SeemVideoError
from seem_video.results import FrameResult


def _result() -> FrameResult:
    masks = np.zeros((3, 20, 30), bool)
    masks[0, 2:8, 3:10] = True
    masks[2, 15:20, 20:30] = True
    scores = np.array([0.9, 0.0, 0.5], np.float32)
    return FrameResult(7, 0.28, None, np.zeros((20, 30, 3), np.uint8), (1, 4, 6), masks, scores, ("dog", "cat", "dog"))


def test_supervision_gets_what_is_visible():
    supervision = pytest.importorskip("supervision", reason="the package supervision is not installed")
    detections = _result().to_supervision()
    assert detections.xyxy.tolist() == [[3, 2, 10, 8], [20, 15, 30, 20]]
    assert detections.tracker_id.tolist() == [1, 6]
    assert detections.class_id.tolist() == [1, 1], "both are dogs"
    assert detections["class_name"].tolist() == ["dog", "dog"]
    assert detections.confidence.tolist() == [pytest.approx(0.9), 0.5]
    np.testing.assert_array_equal(detections.mask, _result().masks[[0, 2]])
    painted = supervision.MaskAnnotator().annotate(np.zeros((20, 30, 3), np.uint8), detections)
    assert painted.any()


def test_supervision_gets_nothing_where_nothing_is_visible():
    pytest.importorskip("supervision", reason="the package supervision is not installed")
    unseen = replace(_result(), masks=np.zeros((3, 20, 30), bool))
    assert len(unseen.to_supervision()) == 0


def test_without_supervision_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(SeemVideoError, match="pip install supervision"):
        _result().to_supervision()
