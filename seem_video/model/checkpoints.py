"""Names to weights: the embedded model, the released ones, files on disk; reading and writing safetensors."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from seem_video.errors import SeemVideoError
from seem_video.model.architecture import describe_misfit
from seem_video.model.backbone.timm import classifier_features
from seem_video.model.config import dump_config, parse_config
from seem_video.model.eight_bits import computes_eight_bits, use_eight_bits
from seem_video.model.precision import PRECISIONS
from seem_video.model.released import ReleasedSEEM
from seem_video.model.released_weights import (
    HUB,
    LICENCE,
    RELEASED,
    OnBytes,
    Released,
    assemble,
    converted_path,
    fetch,
    load_published,
)
from seem_video.model.seem import SEEM

EMBEDDED = "seem-nano"
WEIGHTS_LICENCE = "CC BY-NC 4.0 (trained on non-commercial research data)"


@dataclass(frozen=True)
class ModelCard:
    """What `seem-video models` prints of a model."""

    name: str
    description: str
    licence: str
    size_bytes: int
    where: str


def list_models() -> list[ModelCard]:
    """The models that `load_model` knows by name."""
    path = _embedded_path()
    return [
        ModelCard(
            name=EMBEDDED,
            description="Compact video model with pixel memory; embedded, needs no network.",
            licence=WEIGHTS_LICENCE,
            size_bytes=path.stat().st_size,
            where=str(path),
        ),
        *(_released_card(name, released) for name, released in RELEASED.items()),
    ]


def download_model(name: str, on_bytes: OnBytes | None = None) -> Path:
    """Bring a model onto this machine, so that `load_model` needs no network; returns its file.

    Args:
        name: of `list_models`. on_bytes: called while it is fetched, with the bytes that are here and how many there
            are, if that is known.

    Raises:
        SeemVideoError: the name is unknown, or the file can neither be found nor fetched.
    """
    if name == EMBEDDED:
        return _embedded_path()
    if name not in RELEASED:
        raise SeemVideoError(
            f'There is no model named "{name}" to download; the models are {", ".join((EMBEDDED, *RELEASED))}.'
        )
    return fetch(name, on_bytes)


def load_model(
    name_or_path: str | Path = EMBEDDED, *, device: str = "auto", precision: str = "auto"
) -> SEEM | ReleasedSEEM:
    """Load a model ready to segment.

    Args:
        name_or_path: a name from `list_models`, the path of a published `.pt` file ("v1" in its name chooses that
            interface, otherwise v0), or of a `.safetensors` file that `tools/train.py` wrote or a download left.
        device: "auto" (CUDA, then MPS, then CPU) or a torch device such as "cpu" or "cuda:1".
        precision: "fp32"; "bf16" or "fp16": what PyTorch's autocast computes in half the bits; "int8": seem-nano's
            backbone in a quarter of the bits, on a CPU of x86 with AVX2; "auto": int8 where that can be, otherwise
            fp32.

    Raises:
        SeemVideoError: the name is unknown, the file is not one of ours, or the device or precision is not there.
    """
    if precision not in (known := ("auto", *PRECISIONS, "int8")):
        raise SeemVideoError(f"There is no precision '{precision}'; choose among {', '.join(known)}.")
    model = _read(name_or_path).to(pick_device(device)).to(memory_format=torch.channels_last).eval()
    can_int8 = isinstance(model, SEEM) and computes_eight_bits(model.device)
    if precision == "auto":
        precision = "int8" if can_int8 else "fp32"
    if precision == "int8":
        if not can_int8:
            raise SeemVideoError("int8 is for seem-nano on a CPU of x86 with AVX2; choose another precision.")
        use_eight_bits(model.backbone)
    model.precision = PRECISIONS.get(precision, torch.int8)
    return model


def pick_device(name: str) -> torch.device:
    """Turn "auto" or a torch device name into a device that is present; raises `SeemVideoError` if it is not."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SeemVideoError(
            f'Device "{name}" cannot be used ({reason}); leave --device out to let us choose.'
        ) from error
    return device


def save_weights(model: SEEM, path: Path) -> None:
    """Write fp16 safetensors with the model's configuration in the header; appears under its name only when whole."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in model.state_dict().items()
    }
    temporary = path.with_suffix(".part")
    save_file(tensors, temporary, metadata={"config": dump_config(model.config)})
    temporary.chmod(0o644)  # safetensors makes files that only their owner can read
    temporary.replace(path)


def read_weights(path: Path) -> SEEM:
    """Read what `save_weights` wrote into a float32 model; every key must match.

    Raises:
        SeemVideoError: no such file, not safetensors, no configuration inside, or keys that do not fit it.
    """
    return _compact(*_read_safetensors(path), path)


def _read(name_or_path: str | Path) -> SEEM | ReleasedSEEM:
    path = Path(name_or_path)
    if str(name_or_path) == EMBEDDED:
        path = _embedded_path()
    elif str(name_or_path) in RELEASED:
        path = fetch(str(name_or_path))
    if path.suffix == ".pt":
        return load_published(path)
    if path.suffix != ".safetensors":
        known = ", ".join(card.name for card in list_models())
        raise SeemVideoError(
            f'There is no model named "{name_or_path}"; the models are {known}; or name a .safetensors or .pt file.'
        )
    state, metadata = _read_safetensors(path)
    if "interface" in metadata:
        return assemble(state, metadata["interface"], path)
    return _compact(state, metadata, path)


def _compact(state: dict[str, Tensor], metadata: dict[str, str], path: Path) -> SEEM:
    if "config" not in metadata:
        raise SeemVideoError(
            f"{path} carries no seem-video configuration; only files written by tools/train.py load here."
        )
    model = SEEM(parse_config(metadata["config"], origin=str(path)))
    state = {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    if misfit := describe_misfit(model.state_dict(), state, str):
        raise SeemVideoError(f"{path} does not fit its own configuration: {misfit}.")
    model.load_state_dict(state)
    return model


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    if not path.is_file():
        raise SeemVideoError(
            f"Model file {path} does not exist; check the path or use a name from `seem-video models`."
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no iteration without keys()
    except SafetensorError as error:
        raise SeemVideoError(
            f"{path} is not a safetensors file ({error}); it may be cut short, fetch it again."
        ) from error
    return state, metadata


def _released_card(name: str, released: Released) -> ModelCard:
    path = converted_path(name)
    here = path.exists()
    return ModelCard(
        name=name,
        description=f"Released SEEM with {released.backbone}; text, labels, reference images; zero-shot on video.",
        licence=LICENCE,
        size_bytes=path.stat().st_size if here else 4 * released.parameters,
        where=str(path) if here else f"huggingface.co/{HUB}",
    )


def load_backbone(model: SEEM, path: Path) -> None:
    """Start the backbone from a classification checkpoint; raises `SeemVideoError` if it is of another network."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    try:
        model.backbone.body.load_state_dict(classifier_features(model.config.backbone.name, state))
    except ValueError as error:
        raise SeemVideoError(f"{path} does not fit the backbone: {error}.") from error


def _embedded_path() -> Path:
    return Path(str(resources.files("seem_video") / "weights" / f"{EMBEDDED}.safetensors"))
