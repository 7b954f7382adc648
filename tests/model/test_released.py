"""A frame is worked on once, however often a user points at it."""

import pytest
import torch
from tiny import filled

from seem_video.model.architecture import build_filled
from seem_video.model.query_decoder import INTERFACES, Prompts


@torch.inference_mode()
def test_a_further_decoding_of_a_frame_finds_its_keys_and_values_there(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_filled(filled("tiny_focal"), INTERFACES["v0"])
    features = model.encode_image(torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0)))
    owner = torch.zeros(1, dtype=torch.long)
    first = model.decode(features, owner, Prompts())["object"]
    monkeypatch.setattr(model.decoder, "project", lambda levels: pytest.fail("projected again"))
    again = model.decode(features, owner, Prompts())["object"]
    assert torch.equal(first.embeddings, again.embeddings)
