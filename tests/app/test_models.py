"""The models that the page offers: by name only, loaded once, fetched with word of how far it is."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from seem_video import SeemVideoError
from seem_video.app.models import ModelShelf
from seem_video.model import released_weights


@pytest.fixture
def shelf(model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelShelf:
    monkeypatch.setenv("SEEM_VIDEO_CACHE", str(tmp_path / "cache"))
    return ModelShelf("seem-nano", model, "cpu")


def test_models_are_chosen_by_name_and_a_name_is_no_path(shelf: ModelShelf, model, tmp_path: Path):
    assert shelf.choices()[0] == ("seem-nano (14 MB)", "seem-nano")
    assert ("seem-focalt-v0 (fetch 658 MB)", "seem-focalt-v0") in shelf.choices()
    assert shelf.get("seem-nano") is model
    assert shelf.name_of(model) == "seem-nano"
    for path in (str(tmp_path / "mine.pt"), "/etc/passwd"):
        with pytest.raises(SeemVideoError, match="no model named"):
            shelf.get(path)


def test_a_model_that_cannot_be_fetched_is_said_in_a_sentence(shelf: ModelShelf, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> str:
        raise ConnectionError("no network")

    monkeypatch.setattr(released_weights, "hf_hub_download", refuse)
    with pytest.raises(SeemVideoError, match="could not be fetched"):
        list(shelf.bring("seem-focalt-v0"))


def test_how_far_fetching_is_can_be_seen(shelf: ModelShelf, model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen = threading.Event()

    def download(hub: str, file: str, *, tqdm_class: type) -> str:
        with tqdm_class(total=10_000_000, initial=0, unit="B", disable=True) as bar:
            bar.update(4_000_000)
            seen.wait(60)
            bar.update(6_000_000)
        return str(tmp_path / file)

    monkeypatch.setattr("seem_video.app.models._ASK_S", 0.01)
    monkeypatch.setattr(released_weights, "hf_hub_download", download)
    monkeypatch.setattr(released_weights, "_convert", lambda *_: None)
    monkeypatch.setattr("seem_video.app.models.load_model", lambda name, device: model)
    for words in shelf.bring("seem-focalt-v0"):
        if words == "Fetching seem-focalt-v0: 4 of 10 MB.":
            seen.set()
    assert seen.is_set()
    assert shelf.get("seem-focalt-v0") is model
