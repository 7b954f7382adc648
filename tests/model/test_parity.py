"""The released models compute what the published code does: where this fails, a downloaded checkpoint is worthless."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import check_parity
import numpy as np
import pytest
import torch
from golden import Golden, Manifest
from helpers import Finished, assert_refused
from tiny import GOLDEN, INTERFACE_OF, filled, tiny, write_manifest

from seem_video.errors import SeemVideoError
from seem_video.model import released_weights
from seem_video.model.checkpoints import load_model
from seem_video.model.released import ReleasedSEEM
from seem_video.model.released_keys import our_name, published_name
from seem_video.terminal import run

SHARED = Path(__file__).parents[2] / "../shared/golden/seem"


@pytest.mark.parametrize("name", INTERFACE_OF)
def test_tiny_models_give_the_frozen_outputs(name: str, tmp_path: Path) -> None:
    """Tolerances are the tool's; attention positions may only flip where their logit is almost zero."""
    with torch.inference_mode():
        findings = list(
            check_parity.findings(Manifest.read(write_manifest(name, tmp_path)), Golden(GOLDEN / f"{name}.npz"))
        )
    assert {finding.stage for finding in findings} >= {"text", "backbone", "pixel decoder", "attention", "selection"}
    assert [finding for finding in findings if not finding.passed] == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="the published code's outputs are not beside this checkout")
@pytest.mark.parametrize("name", ["focalt_v0_demo"])
def test_a_released_model_gives_the_published_outputs(name: str) -> None:
    with torch.inference_mode():
        findings = list(
            check_parity.findings(Manifest.read(SHARED / f"{name}.manifest.json"), Golden(SHARED / f"{name}.npz"))
        )
    assert [finding for finding in findings if not finding.passed] == []


def test_the_tool_says_by_its_exit_code_whether_all_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*words: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["check_parity.py", *map(str, words)])
        with pytest.raises(SystemExit) as leaving:
            run(check_parity.main)
        return Finished(int(leaving.value.code or 0), *capsys.readouterr())

    manifest, archive = write_manifest("tiny_davit", tmp_path), GOLDEN / "tiny_davit.npz"
    finished = call(manifest, archive)
    assert (finished.code, finished.out.splitlines()[-1]) == (0, "tiny_davit.npz: all within tolerance")
    arrays = dict(np.load(archive))
    arrays["img1/res5"] = arrays["img1/res5"] + 1
    np.savez(tmp_path / "wrong.npz", **arrays)
    finished = call(manifest, tmp_path / "wrong.npz")
    assert (finished.code, finished.out.splitlines()[-1]) == (1, "wrong.npz: 1 outside tolerance")
    assert_refused(call(manifest, tmp_path / "none.npz"), "none.npz is no archive of golden outputs")
    assert_refused(call(archive, archive), "tiny_davit.npz is no manifest")


@pytest.mark.parametrize("name", INTERFACE_OF)
def test_every_tensor_has_one_name_here_and_one_there(name: str) -> None:
    ours = list(tiny(name).state_dict())
    assert [our_name(published_name(key)) for key in ours] == ours


def test_a_published_file_loads_whatever_its_sizes(tmp_path: Path) -> None:
    tensors = filled("tiny_focal") | {"dilation_kernel": torch.ones(1, 1, 3, 3)}
    torch.save(tensors, tmp_path / "seem_tiny_v1.pt")
    model = load_model(tmp_path / "seem_tiny_v1.pt", device="cpu")
    assert isinstance(model, ReleasedSEEM)
    assert model.interface.queries_per_item == 3
    kept = tensors["sem_seg_head.predictor.pn_indicator.weight"]
    assert torch.equal(model.sampler.indicator, kept)


def test_a_tensor_that_does_not_fit_is_named(tmp_path: Path) -> None:
    norm = "sem_seg_head.predictor.decoder_norm.weight"
    tensors = filled("tiny_focal")
    torch.save({key: value for key, value in tensors.items() if key != norm}, tmp_path / "less.pt")
    with pytest.raises(SeemVideoError, match=f"{norm} is missing"):
        load_model(tmp_path / "less.pt")
    torch.save(tensors | {norm: torch.ones(3)}, tmp_path / "other.pt")
    with pytest.raises(SeemVideoError, match=rf"{norm} is \(3,\) where \(64,\) is needed"):
        load_model(tmp_path / "other.pt")
    torch.save(tensors | {"head.bias": torch.ones(3)}, tmp_path / "more.pt")
    with pytest.raises(SeemVideoError, match=r"head\.bias is unknown"):
        load_model(tmp_path / "more.pt")
    torch.save({"weight": torch.ones(3)}, tmp_path / "foreign.pt")
    with pytest.raises(SeemVideoError, match="is not a SEEM checkpoint"):
        load_model(tmp_path / "foreign.pt")


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("boom",))


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"weight": _Bomb()}, tmp_path / "bomb.pt")
    with pytest.raises(SeemVideoError, match="refused"):
        load_model(tmp_path / "bomb.pt")
    assert "boom" not in capsys.readouterr().out
    (tmp_path / "text.pt").write_text("no checkpoint")
    with pytest.raises(SeemVideoError, match=r"refused|cut short"):
        load_model(tmp_path / "text.pt")


def test_without_a_network_the_user_is_told_which_file_to_put_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEM_VIDEO_CACHE", str(tmp_path))
    monkeypatch.setattr("seem_video.model.released_weights.hf_hub_download", _no_network)
    with pytest.raises(SeemVideoError, match=rf"resolve/main/seem_focalt_v0.pt .* put it at {tmp_path}"):
        load_model("seem-focalt-v0")


def _no_network(*_: object, **__: object) -> str:
    raise OSError("no route to host")


def test_a_checkpoint_of_another_size_than_its_name_says_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEM_VIDEO_CACHE", str(tmp_path))
    torch.save(filled("tiny_focal"), tmp_path / "seem_focalt_v0.pt")
    with pytest.raises(SeemVideoError, match=r"is not seem-focalt-v0: it has .* parameters"):
        load_model("seem-focalt-v0")
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_placed_checkpoint_is_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEM_VIDEO_CACHE", str(tmp_path))
    parameters = sum(parameter.numel() for parameter in tiny("tiny_focal").parameters())
    named = replace(released_weights.RELEASED["seem-focalt-v0"], parameters=parameters)
    monkeypatch.setitem(released_weights.RELEASED, "seem-focalt-v0", named)
    torch.save(filled("tiny_focal"), tmp_path / "seem_focalt_v0.pt")
    first = load_model("seem-focalt-v0", device="cpu")
    (tmp_path / "seem_focalt_v0.pt").unlink()
    again = load_model("seem-focalt-v0", device="cpu")
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))


def test_download_says_where_the_model_is_or_which_names_there_are(
    seem: Callable[..., Finished], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEM_VIDEO_CACHE", str(tmp_path))
    monkeypatch.setattr("seem_video.model.released_weights.hf_hub_download", _no_network)
    assert "seem-nano.safetensors" in seem("models", "download", "seem-nano").out
    unknown = seem("models", "download", "seem-giga")
    assert unknown.code == 2
    assert "the models are seem-nano, seem-focalt-v0" in unknown.err
    offline = seem("models", "download", "seem-focall-v1")
    assert offline.code == 2
    assert f"put it at {tmp_path / 'seem_focall_v1.pt'}" in offline.err
    assert "seem-samvitl-v1" in seem("models").out
