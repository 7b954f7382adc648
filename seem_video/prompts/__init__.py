"""What a user points with: the prompts, their words on the command line and in JSON, and their pixels."""

from seem_video.prompts.files import read_mask, read_reference
from seem_video.prompts.parsing import load_prompts, read_options
from seem_video.prompts.placing import place
from seem_video.prompts.rasterise import PromptMaps, rasterise, to_pixels
from seem_video.prompts.shapes import (
    Box,
    Click,
    Coordinate,
    MaskPrompt,
    Percent,
    Point,
    Polygon,
    Prompt,
    PromptEntry,
    Reference,
    Scribble,
    Seconds,
    Text,
    VisualPrompt,
)

__all__ = [
    "Box",
    "Click",
    "Coordinate",
    "MaskPrompt",
    "Percent",
    "Point",
    "Polygon",
    "Prompt",
    "PromptEntry",
    "PromptMaps",
    "Reference",
    "Scribble",
    "Seconds",
    "Text",
    "VisualPrompt",
    "load_prompts",
    "place",
    "rasterise",
    "read_mask",
    "read_options",
    "read_reference",
    "to_pixels",
]
