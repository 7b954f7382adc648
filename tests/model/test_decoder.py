"""The decoder's rules: who attends to whom decides what a prompt can change."""

from pathlib import Path

import pytest
import torch

from seem_video.model.config import load_config
from seem_video.model.decoder import Decoded, Decoder
from seem_video.model.head import blend_masks, select_mask
from seem_video.model.visual_sampler import PromptTokens
from seem_video.model.windows import ObjectMaps

CONFIG = load_config(Path(__file__).parents[2] / "configs/seem-nano.yaml").decoder


@pytest.fixture
def parts():
    torch.manual_seed(0)
    decoder = Decoder(CONFIG, dim=32, mask_dim=8, levels=3).eval()
    levels = [torch.randn(1, 32, size, size) for size in (2, 4, 8)]
    tokens = PromptTokens(
        [torch.randn(2, 6, 32) for _ in range(3)],
        torch.ones(2, 6).bool(),
        torch.tensor([[1, 1, 1, 0, 0, 0]] * 2).bool(),
    )
    return decoder, levels, torch.zeros(2, dtype=torch.long), _maps(torch.randn(2, 8, 16, 16)), tokens


def _maps(whole: torch.Tensor) -> ObjectMaps:
    return ObjectMaps([whole], None, *whole.shape[-2:])


def test_tokens_that_stand_for_nothing_change_nothing(parts) -> None:
    decoder, levels, owner, pixels, tokens = parts
    tokens.valid[:, 3:] = False
    before = decoder(levels, owner, pixels, tokens, None).logits
    tokens.levels = [level.clone() for level in tokens.levels]
    for level in tokens.levels:
        level[:, 3:] = 100.0
    assert torch.equal(decoder(levels, owner, pixels, tokens, None).logits, before)


def test_prompt_tokens_and_the_previous_mask_do_change_the_masks(parts) -> None:
    decoder, levels, owner, pixels, tokens = parts
    before = decoder(levels, owner, pixels, tokens, None).logits
    other = PromptTokens([level + 1 for level in tokens.levels], tokens.valid, tokens.positive)
    assert not torch.allclose(decoder(levels, owner, pixels, other, None).logits, before, atol=1e-3)
    previous = torch.full((2, 16, 16), -1.0)
    previous[:, :4, :4] = 1.0
    assert not torch.allclose(decoder(levels, owner, pixels, tokens, previous).logits, before, atol=1e-3)


def test_objects_are_a_batch_axis_and_do_not_see_each_other(parts) -> None:
    decoder, levels, owner, pixels, tokens = parts
    previous = torch.randn(2, 16, 16)
    both = decoder(levels, owner, pixels, tokens, previous)
    alone = decoder(levels, owner[:1], _maps(pixels.parts[0][:1]), tokens.select([0]), previous[:1])
    assert torch.allclose(both.logits[:1], alone.logits, atol=1e-4)
    assert torch.allclose(both.quality[:1], alone.quality, atol=1e-4)


def test_candidates_are_blended_by_their_similarity_to_the_prompt() -> None:
    logits = torch.tensor([-4.0, 2.0, 8.0]).view(1, 3, 1, 1).expand(2, 3, 2, 2)
    similarity = torch.tensor([[0.5, 0.5, 0.5], [-40.0, 40.0, -40.0]])  # as good; the second one alone
    quality = torch.tensor([[0.2, 0.4, 0.9]] * 2).logit()
    decoded = Decoded(logits, similarity, quality, auxiliary=[])
    blended, expected = blend_masks(decoded)
    assert torch.allclose(blended, torch.full((2, 2, 2), 2.0))
    assert torch.allclose(expected, torch.tensor([0.5, 0.4]))
    assert torch.allclose(select_mask(decoded)[0][1], blended[1])
