"""Mask features that are never made: what is read off them must be what the whole convolution would have given."""

import pytest
import torch
import torch.nn.functional as F

from seem_video.model.mask_features import MaskFeatures
from seem_video.model.point_sampler import sample


@pytest.fixture(params=[1, 3])
def features(request: pytest.FixtureRequest) -> MaskFeatures:
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(4, 4, request.param, padding=request.param // 2).double().requires_grad_(False)
    return MaskFeatures(torch.randn(2, 4, 16, 24, dtype=torch.float64), convolution)


@pytest.mark.parametrize("ratio", [2, 4, 8])
def test_shrinking_is_the_bilinear_resize(features: MaskFeatures, ratio: int) -> None:
    resized = F.interpolate(features.whole(), scale_factor=1 / ratio, mode="bilinear", align_corners=False)
    torch.testing.assert_close(features.shrunk(ratio), resized)


def test_samples_and_masks_are_those_of_the_whole(features: MaskFeatures) -> None:
    owner, embeddings = torch.tensor([1, 0, 1]), torch.randn(3, 5, 4, dtype=torch.float64)
    place = torch.rand(3, 7, 2, dtype=torch.float64)
    place[:, 0] = 0
    place[:, 1] = 0.999
    torch.testing.assert_close(features.sample(owner, place), sample(features.whole(), owner, place))
    masks = torch.einsum("nqc,nchw->nqhw", embeddings, features.whole()[owner])
    torch.testing.assert_close(features.masks(embeddings, owner), masks)
    first = MaskFeatures(features.finest[:1], features.convolution)
    torch.testing.assert_close(
        first.masks(embeddings, owner * 0), torch.einsum("nqc,chw->nqhw", embeddings, first.whole()[0])
    )
