"""What is decoded in windows is what is decoded of the whole frame."""

import torch

from seem_video.model.head import DensePrompt
from seem_video.model.seem import SEEM
from seem_video.model.windows import OUTSIDE, ObjectMaps, Window


def test_masks_are_dotted_from_the_part_of_each_object() -> None:
    windows = [Window(slice(0, 2), slice(5, 8)), Window(slice(1, 5), slice(2, 4))]
    features = torch.randn(2, 5, 24, 32)
    parts = [window.cut(features[i : i + 1], 4) for i, window in enumerate(windows)]
    embedding = torch.randn(2, 3, 5)
    whole = ObjectMaps([features], None, 24, 32).dot(embedding)
    windowed = ObjectMaps(parts, windows, 24, 32).dot(embedding)
    inside = torch.zeros(2, 1, 24, 32, dtype=torch.bool)
    inside[0, :, :8, 20:] = True
    inside[1, :, 4:20, 8:16] = True
    assert torch.allclose(windowed, whole.masked_fill(~inside, OUTSIDE), atol=1e-5)


@torch.inference_mode()
def test_pixels_of_a_window_are_those_of_the_whole_frame(model: SEEM) -> None:
    torch.manual_seed(0)
    features = model.encode_image(torch.randn(1, 3, 256, 384))
    owner, readout = torch.zeros(2, dtype=torch.long), torch.randn(2, 32, 16, 24)
    prompt = DensePrompt.only_previous(torch.rand(2, 64, 96))
    windows = [Window(slice(0, 14), slice(3, 21)), Window(slice(1, 16), slice(5, 23))]
    given = (features.tracking, owner, prompt, readout)
    [whole] = model.tracking.object_maps(*given, None).parts
    parts = model.tracking.object_maps(*given, windows).parts
    inner = (..., slice(24, 32), slice(28, 44))  # of the window, farther from its edges than the convolutions reach
    for i, (part, window) in enumerate(zip(parts, windows, strict=True)):
        assert torch.allclose(window.cut(whole[i : i + 1], 4)[inner], part[inner], atol=1e-4)


@torch.inference_mode()
def test_there_is_no_mask_outside_of_a_window(model: SEEM) -> None:
    features = model.encode_image(torch.randn(1, 3, 128, 128))
    previous = torch.full((1, 32, 32), 8.0)
    owner = torch.zeros(1, dtype=torch.long)
    tokens = model.tracking.encode_reference(features.tracking, owner, previous.sigmoid())
    windows = [Window(slice(2, 6), slice(1, 6))]
    prompt = DensePrompt.only_previous(previous.sigmoid())
    given = (features.tracking, owner, prompt, tokens)
    logits = model.tracking.decode(*given, readout=None, previous=previous, windows=windows).logits
    assert logits.shape[-2:] == (32, 32)
    outside = torch.ones(32, 32, dtype=torch.bool)
    outside[8:24, 4:24] = False
    assert (logits[..., outside] == OUTSIDE).all()
    assert (logits[..., ~outside] != OUTSIDE).all()


def test_objects_can_be_in_all_cells_that_a_window_touches_at_every_stride() -> None:
    windows = [Window(slice(0, 2), slice(5, 8)), Window(slice(1, 5), slice(3, 4))]
    maps = ObjectMaps([], windows, height=24, width=32)
    for stride, rows, columns in (
        (8, slice(0, 10), slice(6, 16)),
        (16, slice(0, 5), slice(3, 8)),
        (32, slice(0, 3), slice(1, 4)),
    ):
        level = torch.rand(1, 2, 96 // stride, 128 // stride)
        assert torch.equal(maps.reached(level), level[..., rows, columns])
    assert torch.equal(ObjectMaps([], None, 24, 32).reached(level), level)
