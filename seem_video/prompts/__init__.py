"""What a user points with: the prompts, their words on the command line and in JSON, and their pixels."""

from seem_video.prompts.parsing import load_prompts, read_mask, read_options
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
    Scribble,
    Seconds,
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
    "Scribble",
    "Seconds",
    "load_prompts",
    "place",
    "rasterise",
    "read_mask",
    "read_options",
    "to_pixels",
]
