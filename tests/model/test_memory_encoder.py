"""Reading the pixel memory, against the equations written out; and objects competing for pixels."""

import math

import torch

from seem_video.model.memory_encoder import read_memory, soft_aggregate


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
