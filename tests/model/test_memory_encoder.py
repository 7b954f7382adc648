"""Values of objects, read by affinity as the equations say it; and objects competing for pixels."""

import math

import torch

from seem_video.model.memory_encoder import MemoryEncoder, read_memory, soft_aggregate
from seem_video.model.windows import Window


def _written_out(query, keys, values, present):
    """STCN's affinity, one object and pixel at a time."""
    count, depth, frames, height, width = values.shape
    out = torch.zeros(count, depth, height, width)
    for n in range(count):
        kept = [t for t in range(frames) if present[n, t]]
        for y in range(height):
            for x in range(width):
                distance = torch.stack([(keys[0, :, t] - query[0, :, y, x, None, None]).square().sum(0) for t in kept])
                weight = torch.softmax(-distance.flatten() / math.sqrt(query.shape[1]), 0)
                out[n, :, y, x] = values[n][:, kept].flatten(1) @ weight
    return out


def test_read_out_is_the_affinity_of_stcn_with_and_without_gaps() -> None:
    torch.manual_seed(0)
    query, keys, values = torch.randn(1, 8, 3, 4), torch.randn(1, 8, 5, 3, 4), torch.randn(2, 6, 5, 3, 4)
    owner = torch.zeros(2, dtype=torch.long)
    for present in (torch.ones(2, 5, dtype=torch.bool), torch.tensor([[1, 1, 0, 1, 0], [0, 0, 1, 0, 0]]).bool()):
        read = read_memory(query, keys, values, present, owner)
        assert torch.allclose(read, _written_out(query, keys, values, present), atol=1e-4)


def test_objects_of_one_frame_share_each_pixel_and_those_of_others_do_not() -> None:
    logits = torch.tensor([3.0, 2.0, 2.0])[:, None, None]
    shares = soft_aggregate(logits, torch.tensor([0, 0, 1])).sigmoid().flatten()
    odds = logits.exp().flatten()
    assert torch.allclose(shares[:2], odds[:2] / (1 + odds[0] + odds[1]))
    assert torch.allclose(shares[2], odds[2] / (1 + odds[2]))


@torch.inference_mode()
def test_values_in_windows_are_those_of_the_whole_frame_around_an_object_and_far_from_it() -> None:
    torch.manual_seed(0)
    encoder, level, owner = MemoryEncoder(8, 4), torch.randn(1, 8, 20, 30), torch.zeros(3, dtype=torch.long)
    for parameter in encoder.refine.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    masks = torch.zeros(3, 80, 120)
    masks[0, 30:40, 30:44], masks[1, 40:52, 80:90] = 0.9, 0.8
    windows = [
        Window(slice(1, 16), slice(1, 17)),
        Window(slice(4, 19), slice(14, 30)),
        Window(slice(0, 2), slice(0, 2)),
    ]
    whole = encoder(level, owner, masks)
    values = encoder(level, owner, masks, windows)
    assert torch.allclose(values[2, :, :, 7:], whole[2, :, :, 7:], atol=1e-5)  # it is nowhere
    near = (..., slice(7, 10), slice(7, 11))  # farther from the window's edges than the convolutions reach
    assert torch.allclose(values[0][near], whole[0][near], atol=1e-5)
    assert torch.allclose(values[0, :, :, 17:], whole[0, :, :, 17:], atol=1e-5)
    assert (whole[0][near] - whole[2][near]).abs().max() > 0.01
