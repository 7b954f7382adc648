"""Points of a prompt: if these went astray, clicks would be read from the wrong place."""

import torch

from seem_video.model.visual_sampler import VisualSampler, spread_points


def test_points_lie_inside_the_region_and_spread_over_it() -> None:
    region = torch.zeros(1, 8, 10, dtype=torch.bool)
    region[0, 2:6, 3:9] = True
    points, valid = spread_points(region, 12)
    columns, rows = (points[0, :, 0] * 10).long(), (points[0, :, 1] * 8).long()
    assert valid.all()
    assert region[0, rows, columns].all()
    assert set(rows.tolist()) == {2, 3, 4, 5}


def test_one_click_gives_its_own_pixel_centre_and_nothing_gives_nothing() -> None:
    region = torch.zeros(2, 4, 4, dtype=torch.bool)
    region[0, 1, 2] = True
    points, valid = spread_points(region, 3)
    assert valid.tolist() == [True, False]
    assert torch.allclose(points[0], torch.tensor([[2.5 / 4, 1.5 / 4]]).expand(3, 2))


def test_tokens_carry_the_features_under_the_point() -> None:
    sampler = VisualSampler(dim=16, levels=1, points=4)
    torch.nn.init.eye_(sampler.project[0].weight)
    torch.nn.init.zeros_(sampler.project[0].bias)
    level = torch.arange(16.0).view(1, 1, 4, 4).expand(1, 16, 4, 4)
    regions = torch.zeros(3, 1, 4, 4, dtype=torch.bool)
    regions[0, 0, 3, 1] = True
    tokens = sampler([level], torch.tensor([0]), list(regions))
    assert torch.allclose(tokens.levels[0][0, 0], 13.0 + sampler.indicator[0])
    assert tokens.valid[0].tolist() == [True] * 4 + [False] * 8
    assert torch.allclose(tokens.embedding()[0], 13.0 + sampler.indicator[0])
