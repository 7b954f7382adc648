"""The clip that comes with the package, what is clicked in it, and whose it is."""

from pathlib import Path

_FOLDER = Path(__file__).parent / "data"
VIDEO = _FOLDER / "demo.mp4"
PROMPTS = _FOLDER / "demo.json"
CREDITS = _FOLDER / "CREDITS.txt"
