"""Two runs compared: the difference is exact, its interval repeats, and unlike data is refused."""

import pytest

from seem_video.errors import SeemVideoError
from seem_video.evaluation.compare import compare
from seem_video.evaluation.scores import ObjectScores, SequenceScores


def save_run(out, means):
    for name, objects in means.items():
        scored = tuple(ObjectScores(f"{name}_{i}", i, (m, m), (m, m)) for i, m in enumerate(objects, start=1))
        SequenceScores(name, ("00001", "00002"), scored).save(out / "scores")
    return out


def test_the_difference_is_over_objects_and_lies_in_its_interval(tmp_path):
    a = save_run(tmp_path / "a", {"dog": [0.5], "goat": [0.8, 0.6], "car": [0.7]})
    b = save_run(tmp_path / "b", {"dog": [0.7], "goat": [0.8, 0.7], "car": [0.6]})
    result = compare(a, b)
    assert result.b - result.a == pytest.approx((0.2 + 0.0 + 0.1 - 0.1) / 4)
    assert result.low < result.b - result.a < result.high
    assert (result.low, result.high) == (compare(a, b).low, compare(a, b).high)
    assert [pair.name for pair in result.pairs] == ["car", "dog", "goat"]


def test_a_gain_on_every_sequence_is_told_from_luck(tmp_path):
    names = [f"s{i}" for i in range(20)]
    a = save_run(tmp_path / "a", {name: [0.5] for name in names})
    b = save_run(tmp_path / "b", {name: [0.6] for name in names})
    assert compare(a, b).low == pytest.approx(0.1)


def test_runs_on_other_sequences_are_refused(tmp_path):
    a = save_run(tmp_path / "a", {"dog": [0.5]})
    b = save_run(tmp_path / "b", {"dog": [0.5], "goat": [0.5]})
    with pytest.raises(SeemVideoError, match=r"Sequence goat is scored in .*b only"):
        compare(a, b)
    with pytest.raises(SeemVideoError, match=r"no scores"):
        compare(a, tmp_path)
