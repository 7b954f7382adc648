"""Video object segmentation with SEEM's prompts: click a thing, get its mask in every frame.

The public names load on first use, so that `import seem_video` stays quick and prompts need no PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seem_video.errors import SeemVideoError as SeemVideoError
    from seem_video.export_job import export as export
    from seem_video.io.reader import Frame as Frame
    from seem_video.io.reader import open_reader as open_reader
    from seem_video.job import TrackSummary as TrackSummary
    from seem_video.job import track as track
    from seem_video.model.checkpoints import list_models as list_models
    from seem_video.model.checkpoints import load_model as load_model
    from seem_video.prompts import Box as Box
    from seem_video.prompts import Click as Click
    from seem_video.prompts import MaskPrompt as MaskPrompt
    from seem_video.prompts import Percent as Percent
    from seem_video.prompts import Polygon as Polygon
    from seem_video.prompts import PromptEntry as PromptEntry
    from seem_video.prompts import Reference as Reference
    from seem_video.prompts import Scribble as Scribble
    from seem_video.prompts import Seconds as Seconds
    from seem_video.prompts import Text as Text
    from seem_video.results import FrameResult as FrameResult
    from seem_video.tracking.session import VideoSession as VideoSession
    from seem_video.tracking.session import open_session as open_session

__version__ = "0.1.0"

_HOMES = {
    "Box": "prompts",
    "Click": "prompts",
    "Frame": "io.reader",
    "FrameResult": "results",
    "MaskPrompt": "prompts",
    "Percent": "prompts",
    "Polygon": "prompts",
    "PromptEntry": "prompts",
    "Reference": "prompts",
    "Scribble": "prompts",
    "Seconds": "prompts",
    "SeemVideoError": "errors",
    "Text": "prompts",
    "TrackSummary": "job",
    "VideoSession": "tracking.session",
    "export": "export_job",
    "list_models": "model.checkpoints",
    "load_model": "model.checkpoints",
    "open_reader": "io.reader",
    "open_session": "tracking.session",
    "track": "job",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'seem_video' has no attribute {name!r}")
    value = getattr(import_module(f"seem_video.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
