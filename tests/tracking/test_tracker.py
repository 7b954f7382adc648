"""Masks between the cells that a model sees and the pixels of the frame; objects that claim the same pixels."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from seem_video.tracking.propagation import to_cells
from seem_video.tracking.tracker import Tracker, _where_positive


def _blobs(seed: int, count: int, height: int, width: int) -> torch.Tensor:
    noise = torch.randn(count, 1, 4, 5, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, (height, width), mode="bicubic")[:, 0] - 0.3


@pytest.mark.parametrize(("cells", "pixels"), [((88, 160), (480, 854)), ((12, 20), (64, 96)), ((30, 20), (17, 40))])
def test_a_cell_has_the_share_of_the_pixels_it_touches(cells: tuple[int, int], pixels: tuple[int, int]) -> None:
    like = torch.zeros(cells)
    regions = [*(_blobs(1, 2, *pixels) > 0).numpy(), np.zeros(pixels, bool), np.ones(pixels, bool)]
    for region in regions:
        pooled = F.adaptive_avg_pool2d(torch.from_numpy(region).float()[None], cells)[0]
        assert torch.allclose(to_cells(region, like), pooled, atol=1e-6)


@pytest.mark.parametrize("pixels", [(480, 854), (33, 21), (22, 40)])
def test_no_pixel_is_positive_where_no_cell_nearby_is(pixels: tuple[int, int]) -> None:
    for logits in _blobs(2, 8, 22, 40):
        outside = cv2.resize(logits.numpy(), pixels[::-1])
        outside[_where_positive(logits, *pixels)] = -1
        assert outside.max() <= 0
    assert not np.ones(pixels)[_where_positive(torch.full((22, 40), -1.0), *pixels)].any()


def test_a_pixel_is_the_most_certain_objects_and_the_first_ones_where_two_are_equal(model) -> None:
    tracker, size = Tracker(model), (120, 170)
    tracker._propagator.add_objects([1, 2, 3, 4])
    logits = _blobs(3, 4, 22, 40)
    logits[3] = logits[0]
    masks = tracker._full_size(logits, {}, {}, *size)
    full = np.stack([cv2.resize(each.numpy(), size[::-1]) for each in logits])
    assert masks.any((1, 2)).tolist() == [True, True, True, False]
    assert np.array_equal(masks, (np.arange(4)[:, None, None] == full.argmax(0)) & (full.max(0) > 0))
