"""Scores of whole result sets equal the official evaluator's, and what it cannot score is refused with a sentence."""

import json
import math
import shutil
import zipfile

import pytest

from seem_video.errors import SeemVideoError
from seem_video.evaluation.scoring import score

from .data import draw_dataset
from .golden import GOLDEN, needs_golden

EXACT = 1e-12
TABLES = ("global_results-val.csv", "per-sequence_results-val.csv")
# Where the official code is at fault and ours is right (docs/evaluation.md): a frame one row high is refused, not
# stretched; CSV files lying in the results folder are not echoed instead of an evaluation.
REFUSED_ON_PURPOSE = {"size_one_row_broadcast"}
EVALUATED_ON_PURPOSE = {"stale_csv_in_results": "one_stale_csv_in_results"}


def number(value):
    return math.nan if value is None else value


@needs_golden
@pytest.mark.parametrize(("name", "jobs"), [("perfect", 1), ("perturbed", 1), ("bad", 1), ("quirks", 1), ("quirks", 2)])
def test_semi_supervised_sets_equal_the_official_numbers(name, jobs, tmp_path):
    scores = score(GOLDEN / "gt", GOLDEN / "results" / name, tmp_path, jobs=jobs)
    for table in TABLES:
        assert (tmp_path / table).read_bytes() == (GOLDEN / "expected" / name / table).read_bytes()
    expected = json.loads((GOLDEN / "expected" / f"{name}.json").read_text())
    for key, value in scores.as_dict()["global"].items():
        assert number(value) == pytest.approx(number(expected["global"][key]), abs=EXACT, nan_ok=True), key
    for sequence in scores.sequences:
        objects = expected["sequences"][sequence.name]["objects"]
        assert len(objects) == len(sequence.objects)
        for o in sequence.objects:
            reference = objects[str(o.object_id)]
            assert o.j == pytest.approx(reference["J"], abs=EXACT)
            assert o.f == pytest.approx(reference["F"], abs=EXACT)
            for ours, theirs in ((o.j_statistics, reference["J_stats"]), (o.f_statistics, reference["F_stats"])):
                assert [ours.mean, ours.recall, ours.decay] == pytest.approx(
                    [theirs["mean"], theirs["recall"], theirs["decay"]], abs=EXACT
                )


@needs_golden
@pytest.mark.parametrize("name", ["rvos", "permuted", "few"])
def test_unsupervised_sets_equal_the_official_numbers(name, tmp_path):
    root = GOLDEN / "unsupervised"
    scores = score(root / "gt", root / "results" / name, tmp_path, task="unsupervised")
    for table in TABLES:
        assert (tmp_path / table).read_bytes() == (root / "expected" / name / table).read_bytes()
    expected = json.loads((root / "expected" / f"{name}.json").read_text())
    for sequence in scores.sequences:
        matched = {m["csv_row"]: m for m in expected["sequences"][sequence.name]["matched"]}
        assert list(matched) == [o.row for o in sequence.objects]
        for o in sequence.objects:
            assert o.j == pytest.approx(matched[o.row]["J"], abs=EXACT)
            assert o.f == pytest.approx(matched[o.row]["F"], abs=EXACT)


def protocol_cases():
    path = GOLDEN / "protocol_cases.json"
    return json.loads(path.read_text())["cases"] if path.is_file() else []


@pytest.fixture(scope="module")
def case_folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("cases")
    with zipfile.ZipFile(GOLDEN / "protocol_cases.zip") as archive:
        archive.extractall(root)
    return root


@needs_golden
@pytest.mark.parametrize("case", protocol_cases(), ids=lambda case: case["case"])
def test_protocol_case(case, case_folders, tmp_path):
    folder = case_folders / case["case"]
    arguments = {"gt": folder / "gt", "results": folder / "results", "out": tmp_path, "task": case["task"]}
    if not case["completed"] or case["case"] in REFUSED_ON_PURPOSE:
        with pytest.raises(SeemVideoError) as refusal:
            score(**arguments)
        assert str(refusal.value).count("\n") == 0
        assert str(refusal.value).endswith(".")
        assert not list(tmp_path.glob("*.csv"))
        return
    by_name = {c["case"]: c for c in protocol_cases()}
    expected = by_name[EVALUATED_ON_PURPOSE.get(case["case"], case["case"])]
    score(**arguments)
    assert (tmp_path / TABLES[0]).read_text() == expected["global_csv"]
    assert (tmp_path / TABLES[1]).read_text() == expected["per_sequence_csv"]


def test_davis_2016_masks_of_255_are_one_object(tmp_path):
    annotations = draw_dataset(tmp_path / "gt", ["dog"], year=2016, value=255)
    scores = score(tmp_path / "gt", annotations, year=2016)
    assert [o.row for o in scores.objects] == ["dog_1"]
    assert scores.jf == 1.0


def test_a_partial_copy_is_scored_but_never_called_val(tmp_path):
    annotations = draw_dataset(tmp_path / "gt", ["dog", "goat"])
    shutil.rmtree(annotations / "goat")
    scores = score(tmp_path / "gt", annotations, tmp_path / "out")
    assert scores.title == "val-partial"
    assert (tmp_path / "out" / "global_results-val-partial.csv").is_file()
    assert not (tmp_path / "out" / TABLES[0]).exists()


def test_sequences_done_before_a_refusal_stay_done(tmp_path):
    annotations = draw_dataset(tmp_path / "gt", ["dog", "goat"])
    shutil.copytree(annotations, tmp_path / "results")
    (tmp_path / "results" / "goat" / "00002.png").unlink()
    with pytest.raises(SeemVideoError, match="Sequence goat, frame 00002"):
        score(tmp_path / "gt", tmp_path / "results", tmp_path / "out")
    assert (tmp_path / "out" / "scores" / "dog.json").is_file()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"set_name": "holiday"}, "no set holiday of year 2017.*sets there: val"),
        ({"year": 2018}, "no DAVIS 2018"),
        ({"task": "unsupervised"}, "davischallenge.org"),
        ({"gt": "nowhere"}, "davischallenge.org"),
        ({"results": "nowhere"}, "not a folder"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(change, sentence, tmp_path):
    annotations = draw_dataset(tmp_path / "gt", ["dog"])
    with pytest.raises(SeemVideoError, match=sentence):
        score(**{"gt": tmp_path / "gt", "results": annotations} | change)


def test_an_empty_list_of_sequences_is_refused(tmp_path):
    annotations = draw_dataset(tmp_path / "gt", [])
    with pytest.raises(SeemVideoError, match=r"val\.txt lists no sequence"):
        score(tmp_path / "gt", annotations)
