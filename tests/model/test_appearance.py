"""The classifier that is fitted to the video at hand: what it tells apart, and what it makes of several frames."""

import torch
from torch import Tensor

from seem_video.model.appearance import Evidence, classify, fit, gather_evidence

ONE = torch.zeros(1, dtype=torch.long)


def _cells(shares: Tensor, *, towards: int, generator: torch.Generator) -> Tensor:
    """(1, S, 9) features: noise, those of the object moved along one axis, and the constant."""
    noise = torch.randn(shares.shape[1], 8, generator=generator) * 0.3
    noise[:, towards] += shares[0]
    return torch.cat([noise, torch.ones(len(noise), 1)], dim=1)[None]


def _classified(evidence: Evidence, features: Tensor) -> Tensor:
    return classify(features, ONE, fit(evidence))[0] > 0


def test_a_small_object_is_told_from_its_surroundings_on_another_frame() -> None:
    generator = torch.Generator().manual_seed(0)
    first, later = torch.zeros(1, 400), torch.zeros(1, 400)
    first[:, :12], later[:, 200:215] = 1.0, 1.0
    evidence = gather_evidence(_cells(first, towards=3, generator=generator), ONE, first)
    found = _classified(evidence, _cells(later, towards=3, generator=generator))
    assert found[200:215].float().mean() > 0.8
    assert found[:200].float().mean() < 0.2


def test_evidence_of_two_frames_knows_both_looks_of_an_object() -> None:
    generator = torch.Generator().manual_seed(1)
    shares = torch.zeros(1, 400)
    shares[:, :100] = 1.0
    frames = [_cells(shares, towards=axis, generator=generator) for axis in (0, 5)]
    one, other = (gather_evidence(frame, ONE, shares) for frame in frames)
    assert not _classified(one, frames[1])[:100].float().mean() > 0.7
    both = Evidence((one.gram + other.gram) / 2, (one.moment + other.moment) / 2)
    for frame in frames:
        found = _classified(both, frame)
        assert found[:100].float().mean() > 0.85
        assert found[100:].float().mean() < 0.15


def test_each_object_is_classified_by_the_features_of_its_own_frame() -> None:
    generator = torch.Generator().manual_seed(2)
    shares = torch.zeros(2, 400)
    shares[0, :100], shares[1, 300:] = 1.0, 1.0
    features = torch.cat(
        [_cells(shares[:1], towards=1, generator=generator), _cells(shares[1:], towards=2, generator=generator)]
    )
    owner = torch.tensor([0, 1])
    scores = classify(features, owner, fit(gather_evidence(features, owner, shares)))
    assert ((scores > 0) == (shares > 0)).float().mean() > 0.9
