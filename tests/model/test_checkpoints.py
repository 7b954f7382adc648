"""Weights on disk: what does not fit is refused in a sentence, what fits gives the same masks."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from seem_video.errors import SeemVideoError
from seem_video.model.backbone.efficientnet_lite import EfficientNetLite0
from seem_video.model.backbone.timm import TimmBackbone, classifier_features
from seem_video.model.checkpoints import list_models, load_model, pick_device, read_weights, save_weights
from seem_video.model.config import dump_config


def test_saved_weights_come_back_within_half_precision(model, tmp_path: Path) -> None:
    save_weights(model, tmp_path / "copy.safetensors")
    again = read_weights(tmp_path / "copy.safetensors")
    assert again.config == model.config
    for (name, ours), theirs in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name  # the embedded weights are half precision already


def test_the_embedded_model_is_listed_with_its_licence_and_stays_small() -> None:
    card = list_models()[0]
    assert card.name == "seem-nano"
    assert "CC BY-NC 4.0" in card.licence
    assert card.size_bytes <= 20_000_000


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(SeemVideoError, match=r"no model named .seem-giga.; the models are seem-nano"):
        load_model("seem-giga")


def test_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SeemVideoError, match="does not exist"):
        load_model(tmp_path / "none.safetensors")
    text = tmp_path / "text.safetensors"
    text.write_text("hello there, this is no model")
    with pytest.raises(SeemVideoError, match="not a safetensors file"):
        load_model(text)
    save_file({"x": torch.zeros(1)}, tmp_path / "bare.safetensors")
    with pytest.raises(SeemVideoError, match="no seem-video configuration"):
        load_model(tmp_path / "bare.safetensors")


def test_weights_of_another_shape_are_refused_in_a_line(model, tmp_path: Path) -> None:
    state = {name: value.contiguous() for name, value in model.state_dict().items() if "decoder" not in name}
    save_file(state | {"colour": torch.zeros(1)}, tmp_path / "odd.safetensors", {"config": dump_config(model.config)})
    with pytest.raises(SeemVideoError, match=r"pixel_decoder.* is missing.* and \d+ more\.$") as refused:
        load_model(tmp_path / "odd.safetensors")
    assert len(str(refused.value)) < 500


def test_a_device_that_is_not_there_is_refused() -> None:
    assert pick_device("cpu").type == "cpu"
    with pytest.raises(SeemVideoError, match="cannot be used"):
        pick_device("warp:9")


@pytest.mark.parametrize(
    "make", [EfficientNetLite0, lambda: TimmBackbone("efficientnet_lite0")], ids=["ours", "timm's"]
)
def test_the_backbone_gives_the_features_of_timms_with_batch_norms(make: Callable[[], torch.nn.Module]) -> None:
    import timm

    torch.manual_seed(0)
    plain = timm.create_model("efficientnet_lite0", features_only=True, pretrained=False, bn_eps=1e-3).eval()
    for name, buffer in plain.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.5, 1.5)
    folded = make().eval()
    folded.body.load_state_dict(classifier_features("efficientnet_lite0", plain.state_dict()))
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        for ours, theirs in zip(folded(image), plain(image)[1:], strict=True):
            assert torch.allclose(ours, theirs, atol=1e-4 * float(theirs.abs().max()))


def test_the_embedded_model_is_there_without_the_seconds_that_timm_takes_to_import() -> None:
    code = "import sys, seem_video; seem_video.load_model(); sys.exit('timm' in sys.modules or 'sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_classifier_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="of efficientnet_lite0 is"):
        classifier_features("efficientnet_lite0", {"stem": torch.zeros(8, 3, 3, 3)})
