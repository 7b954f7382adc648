"""The table of a vocabulary's classes: what captions are compared with to name a region."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from functools import cache

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from seem_video.model.released import ReleasedSEEM
from seem_video.model.released_weights import cache_folder
from seem_video.model.text import VOCABULARY, tokenise
from seem_video.model.vocabulary import VOID

_CLASSES_AT_ONCE = 8


@cache
def class_sentences() -> tuple[str, ...]:
    """The published sentences about a class, `{}` for its name: CLIP's eighty for ImageNet, and the name itself."""
    return tuple((VOCABULARY / "class_sentences.txt").read_text(encoding="utf-8").splitlines())


def class_table(model: ReleasedSEEM, names: Sequence[str]) -> Tensor:
    """(K + 1, C) unit vectors of K classes and the void class: of each the mean over `class_sentences`.

    The table of a full vocabulary is a minute's work for two CPU cores, so it is kept in `cache_folder()`.
    """
    path = cache_folder() / "classes" / f"{_key(model, names)}.safetensors"
    if path.exists():
        return load_file(path)["table"].to(model.device)
    table = _encode(model, [*names, VOID])
    with contextlib.suppress(OSError):  # a folder that cannot be written to costs time, nothing else
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".part")
        save_file({"table": table.cpu()}, temporary)
        temporary.replace(path)
    return table


def _encode(model: ReleasedSEEM, names: Sequence[str]) -> Tensor:
    sentences = class_sentences()
    parts = []
    for start in range(0, len(names), _CLASSES_AT_ONCE):
        some = names[start : start + _CLASSES_AT_ONCE]
        ids, _ = tokenise([sentence.format(name) for name in some for sentence in sentences])
        parts.append(model.text.class_table(ids.unflatten(0, (len(some), -1)).to(model.device)))
    return torch.cat(parts).float()


def _key(model: ReleasedSEEM, names: Sequence[str]) -> str:
    """What the table depends on: the names, the sentences and the weights, told apart by their last layer."""
    digest = hashlib.sha256("\n".join([*names, "", *class_sentences()]).encode())
    digest.update(model.text.lang_proj.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:32]
