"""What a results folder was made with, kept in its run.json, so that it is not mistaken for another run's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import seem_video
from seem_video.errors import SeemVideoError
from seem_video.fingerprints import digest, fingerprint_model

if TYPE_CHECKING:
    from seem_video.tracking.propagation import VideoModel

_DECIDING_CODE = (
    *("io", "model", "prompts", "tracking"),
    *("evaluation/prompts.py", "evaluation/robot.py", "evaluation/clicks.py"),
)


@dataclass(frozen=True)
class Provenance:
    """All that decides a run's masks, whatever it is run on.

    Attributes:
        model, weights: the model as it was named, and the SHA-256 of its parameters.
        version, code: of seem-video, and the SHA-256 of the modules that prompt and track.
        device, precision: the kind of device it ran on, and the dtype it computed in.
        data: the SHA-256 of the images and annotations.
    """

    model: str
    weights: str
    version: str
    code: str
    device: str
    precision: str
    data: str


def provenance(name: str | Path, model: VideoModel, files: Iterable[tuple[str, Path]]) -> Provenance:
    """The provenance of a run of a loaded model over files, each with the name by which the data set knows it."""
    return Provenance(
        model=str(name),
        weights=fingerprint_model(model),
        version=seem_video.__version__,
        code=_fingerprint_code(),
        device=model.device.type,
        precision=str(model.precision).removeprefix("torch."),
        data=digest(files),
    )


def read_run(out: Path, settings: Provenance) -> dict[str, Any] | None:
    """The content of `out/run.json` if its settings are these; None where the folder is new or empty.

    Raises SeemVideoError where the folder holds a run of another model, settings or data, or something else.
    """
    path = out / "run.json"
    try:
        content = json.loads(path.read_text())
        old = content["settings"]
    except FileNotFoundError:
        if out.exists() and any(out.iterdir()):
            raise SeemVideoError(
                f"{out} is not empty and has no run.json, so it is no run to go on with; name another."
            ) from None
        return None
    except NotADirectoryError:
        raise SeemVideoError(f"{out} is a file; name a folder for the results.") from None
    except (ValueError, KeyError, TypeError):
        raise unknown_run(path) from None
    new = json.loads(json.dumps(asdict(settings)))
    if old.keys() != new.keys():
        raise unknown_run(path)
    if different := [name for name in new if old[name] != new[name]]:
        was = ", ".join(f"{name} {_short(old[name])} (now {_short(new[name])})" for name in different)
        raise SeemVideoError(f"{out} holds the results of another run, with {was}; name another folder.")
    return content


def unknown_run(path: Path) -> SeemVideoError:
    """What to say of a run.json that this command did not write."""
    return SeemVideoError(f"{path} is of another command or version; name another folder.")


def _fingerprint_code() -> str:
    """The SHA-256 of the modules that decide masks: a change there is another tracker, whatever the version says."""
    root = Path(seem_video.__file__).parent
    found = (sorted(path.rglob("*.py")) if path.is_dir() else [path] for path in map(root.joinpath, _DECIDING_CODE))
    return digest((path.relative_to(root).as_posix(), path) for paths in found for path in paths)


def _short(value: object) -> str:
    text = ",".join(value) if isinstance(value, list) else str(value)
    return text if len(text) <= 12 else f"{text[:12]}…"
