"""What is decoded in windows is what is decoded of the whole frame."""

import torch
from torch import Tensor

from seem_video.model.seem import SEEM, DensePrompt
from seem_video.model.windows import OUTSIDE, Windows


def test_windows_are_cut_and_pasted_at_every_stride() -> None:
    windows = Windows(2, 3, tops=(0, 4), lefts=(5, 1), height=6, width=8)
    for k in (1, 2, 4):
        x = torch.randn(2, 5, 6 * k, 8 * k)
        cut = windows.cut(x)
        assert torch.equal(cut[0], x[0, :, : 2 * k, 5 * k : 8 * k])
        assert torch.equal(cut[1], x[1, :, 4 * k : 6 * k, k : 4 * k])
        pasted = windows.paste(cut)
        inside = pasted != OUTSIDE
        assert torch.equal(pasted[inside], x[inside])
        assert inside.sum() == cut.numel()
    assert windows.extent == (slice(0, 6), slice(1, 8))


@torch.inference_mode()
def test_pixels_of_a_window_are_those_of_the_whole_frame(model: SEEM) -> None:
    torch.manual_seed(0)
    features = model.encode_image(torch.randn(1, 3, 256, 384))
    _, level16, level8 = features.levels
    owner, maps, readout = torch.zeros(2, dtype=torch.long), torch.rand(2, 4, 64, 96), torch.randn(2, 32, 16, 24)
    windows = Windows(14, 18, tops=(0, 2), lefts=(3, 5), height=16, width=24)

    def pixels(windows: Windows | None) -> Tensor:
        return model.object_pixels(level16, level8, features.mask_features, owner, maps, readout, windows)

    inner = (..., slice(24, 32), slice(28, 44))  # of the window, farther from its edges than the convolutions reach
    assert torch.allclose(windows.cut(pixels(None))[inner], pixels(windows)[inner], atol=1e-4)


@torch.inference_mode()
def test_there_is_no_mask_outside_of_a_window(model: SEEM) -> None:
    features = model.encode_image(torch.randn(1, 3, 128, 128))
    previous = torch.full((1, 32, 32), 8.0)
    owner = torch.zeros(1, dtype=torch.long)
    tokens = model.encode_reference(features, owner, previous.sigmoid())
    windows = Windows(4, 5, tops=(2,), lefts=(1,), height=8, width=8)
    prompt = DensePrompt.only_previous(previous.sigmoid())
    logits = model.decode(features, owner, prompt, tokens, readout=None, previous=previous, windows=windows).logits
    assert logits.shape[-2:] == (32, 32)
    outside = torch.ones(32, 32, dtype=torch.bool)
    outside[8:24, 4:24] = False
    assert (logits[..., outside] == OUTSIDE).all()
    assert (logits[..., ~outside] != OUTSIDE).all()
