"""In how many bits a model computes: what there is, what is best on a machine, and PyTorch's autocast to do it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Computes(Protocol):
    """A model on a device, with the dtype in which it computes."""

    precision: torch.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""


def autocast(model: Computes) -> AbstractContextManager[Any]:
    """What is done inside is done in the model's precision; full precision leaves things as they are."""
    if model.precision == torch.float32:
        return nullcontext()
    return torch.autocast(model.device.type, model.precision)


def has_bfloat16(device: torch.device) -> bool:
    """Whether this is a CPU that multiplies bfloat16 by itself; a PyTorch too old to tell says no."""
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return device.type == "cpu" and bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
