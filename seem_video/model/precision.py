"""In how many bits a model computes: what there is, and PyTorch's autocast to do it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import torch

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""In which a whole model can compute."""


class Computes(Protocol):
    """What is on a device and computes in some dtype: a model, or what carries one."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""

    @property
    def precision(self) -> torch.dtype:
        """float32; bfloat16 or float16 for autocast; int8 where a part computes in 8 bits, and the rest in float32."""


_Self = TypeVar("_Self", bound=Computes)
_Given = ParamSpec("_Given")
_Returned = TypeVar("_Returned")


def in_precision(
    method: Callable[Concatenate[_Self, _Given], _Returned],
) -> Callable[Concatenate[_Self, _Given], _Returned]:
    """Run a method under autocast to its object's precision, if that is half precision."""

    @wraps(method)
    def cast(self: _Self, *args: _Given.args, **kwargs: _Given.kwargs) -> _Returned:
        if self.precision not in (torch.bfloat16, torch.float16):
            return method(self, *args, **kwargs)
        with torch.autocast(self.device.type, self.precision):
            return method(self, *args, **kwargs)

    return cast


def multiplies_bfloat16_tiles() -> bool:
    """Whether this CPU multiplies matrices of bfloat16 in tiles (AMX), many times as fast as those of float32.

    A PyTorch too old to tell says no.
    """
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16"))
