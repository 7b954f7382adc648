"""From prompts given at a frame, at a time or nowhere in particular to prompts on the frames of a source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from seem_video.errors import SeemVideoError
from seem_video.io.frame import ASSUMED_FPS
from seem_video.prompts.rasterise import rasterise, to_pixels
from seem_video.prompts.shapes import Prompt, PromptEntry, Seconds

if TYPE_CHECKING:
    from seem_video.io.reader import Frame, FrameReader

_REREADABLE = ("video", "images", "image")
_CLOCK_TOLERANCE_S = 1e-3  # containers round a frame's time to their time base, Matroska to a millisecond


def place(prompts: Iterable[Prompt | PromptEntry], reader: FrameReader, first: int) -> dict[int, list[PromptEntry]]:
    """The prompts by the source frame they belong to, ascending, in pixels and checked against the frame's size.

    Args:
        prompts: bare prompts belong to object 1 on the first frame tracked.
        reader: the source; where it can be read again, it is read as far as the last prompt's frame.
        first: index of the first frame tracked.

    Raises:
        SeemVideoError: no prompts, a prompt that does not fit the frame or is on a frame that is not tracked, an object
            that begins with negative prompts alone.
    """
    entries = [prompt if isinstance(prompt, PromptEntry) else PromptEntry(prompt) for prompt in prompts]
    if not entries:
        raise SeemVideoError("No prompt says what to track; give at least one, for example --click 320,240.")
    frames = _find_frames({entry.at for entry in entries if entry.at is not None and entry.at != first}, reader)
    placed: dict[int, list[PromptEntry]] = {}
    for entry in entries:
        index = first if entry.at is None or entry.at == first else frames[entry.at]
        pixels = to_pixels(entry.prompt, reader.info.height, reader.info.width)
        placed.setdefault(index, []).append(replace(entry, prompt=pixels, at=index))
    placed = dict(sorted(placed.items()))
    _refuse_negative_beginnings(placed, reader)
    return placed


def _refuse_negative_beginnings(placed: dict[int, list[PromptEntry]], reader: FrameReader) -> None:
    begun: set[int] = set()
    for index, entries in placed.items():
        for object_id in sorted({entry.object_id for entry in entries} - begun):
            own = [entry.prompt for entry in entries if entry.object_id == object_id]
            if not rasterise(own, reader.info.height, reader.info.width).names_object:
                raise SeemVideoError(
                    f"Object {object_id} begins on frame {index} with negative prompts alone; "
                    "give it a positive click, box, scribble, polygon or mask there or earlier."
                )
            begun.add(object_id)


def _find_frames(moments: set[int | Seconds], reader: FrameReader) -> dict[int | Seconds, int]:
    """The frame index of each moment, found by decoding: headers err on frame counts, and frame rates may vary."""
    if reader.info.kind not in _REREADABLE:
        return {moment: _in_live_source(moment, reader) for moment in moments}
    found: dict[int | Seconds, int] = {}
    first: Frame | None = None
    last: Frame | None = None
    for frame in reader if moments else ():
        first = first or frame
        for moment in moments - found.keys():
            if isinstance(moment, int):
                if frame.index == moment:
                    found[moment] = moment
            elif frame.time_s > moment.value + _CLOCK_TOLERANCE_S:
                shown = last or frame
                if shown.index == 0 or shown.time_s <= moment.value + _CLOCK_TOLERANCE_S:
                    found[moment] = shown.index
        last = frame
        if found.keys() == moments:
            return found
    for moment in moments - found.keys():
        if first is None or last is None:
            raise SeemVideoError(f"'{reader.info.name}' has no frame to track; check where tracking starts and stops.")
        end_s = last.time_s + 1 / (reader.info.fps or ASSUMED_FPS)
        if isinstance(moment, int) or not last.time_s - _CLOCK_TOLERANCE_S <= moment.value < end_s:
            raise SeemVideoError(_why_not_tracked(moment, first, last, reader.info.name))
        found[moment] = last.index
    return found


def _why_not_tracked(moment: int | Seconds, first: Frame, last: Frame, name: str) -> str:
    by_index = isinstance(moment, int)
    given = f"frame {moment}" if by_index else f"{moment}"
    at = moment if isinstance(moment, int) else moment.value
    begin, end = (first.index, last.index) if by_index else (first.time_s, last.time_s)
    tracked = f"'{name}' is tracked from frame {first.index} ({first.time_s:.2f}s) to {last.index} ({last.time_s:.2f}s)"
    if at > end:
        return f"The prompt at {given} lies beyond the last frame; {tracked}."
    if at < begin:
        return f"The prompt at {given} comes before the first frame; {tracked}."
    return f"The prompt at {given} falls on a frame that the stride leaves out; move it or track every frame."


def _in_live_source(moment: int | Seconds, reader: FrameReader) -> int:
    if isinstance(moment, Seconds):
        raise SeemVideoError(
            f"The prompt at {moment} needs a file, and '{reader.info.name}' is read only once; give a frame number."
        )
    return moment
