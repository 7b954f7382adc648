"""What happens on the page: each method answers an event, with new values for parts of it."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import numpy.typing as npt

from seem_video import demo_clip
from seem_video.app.desk import Desk
from seem_video.app.files import save_session, write_outputs
from seem_video.app.gestures import BOX, read_color, read_gesture
from seem_video.app.models import ModelShelf, takes_words
from seem_video.app.parts import Parts
from seem_video.app.remake import open_session_file, with_model
from seem_video.app.thumbnails import draw_strip
from seem_video.app.timeline import css_color, draw_timeline
from seem_video.app.work import Way, Work
from seem_video.errors import SeemVideoError
from seem_video.io.frame import ASSUMED_FPS
from seem_video.io.palette import Color, object_color
from seem_video.prompts import Prompt, Reference, Text
from seem_video.results import FrameResult

_REFRESH_S = 0.5
_UNFORESEEN = (
    "Something went wrong that was not foreseen; what you did before is kept. "
    "The terminal that seem-video runs in says more."
)
Changes = dict[Any, Any]
"""New values or settings of parts."""


class Acts:
    """The acts of all users; which work one is about is said by its key, which the page carries."""

    def __init__(self, desk: Desk, shelf: ModelShelf, named: Path | None, parts: Parts) -> None:
        """Args: desk; shelf; named: the clip that the page opens with, if any; parts."""
        self._desk = desk
        self._shelf = shelf
        self._named = named
        self._parts = parts

    def enter(self, request: gr.Request) -> Changes:
        """The page is loaded: its address may name a work that is still here."""
        asked = request.query_params.get("work", "")
        with _in_a_sentence():
            if self._desk.has(asked):
                return self._whole(asked)
            if self._named is not None:
                return self.open(self._named, "", self._shelf.own_name)
        if asked:
            return {self._parts.status: "The work of this address is not kept any more. Open a video."}
        return {self._parts.key: ""}

    def open(self, clip: Path, key: str, model: str, *, uploaded: bool = False) -> Changes:
        with _in_a_sentence():
            key = key if self._desk.has(key) else self._desk.new_key()
            self._desk.open(key, clip, self._shelf.get(model), uploaded=uploaded)
            info, frames = self._desk.do(key, lambda work: (work.info, work.frames))
            return self._whole(key, f"{info.width}×{info.height}, {frames} frames. Click the thing to follow.")

    def open_upload(self, key: str, model: str, path: str) -> Changes:
        return self.open(Path(path), key, model, uploaded=True)

    def open_demo(self, key: str, model: str) -> Changes:
        return self.open(demo_clip.VIDEO, key, model)

    def choose_model(self, key: str, name: str) -> Iterator[Changes]:
        with _in_a_sentence():
            yield from self._choose_model(key, name)

    def strip(self, key: str) -> str:
        """Thumbnails; a clip that breaks off has none, which it says when it is tracked."""
        with _in_a_sentence(), suppress(SeemVideoError):
            return draw_strip(*self._desk.do(key, lambda work: (work.source, work.frames)))
        return ""

    def prepare(self, key: str, frame: int) -> None:
        """Nobody waits for this; what is wrong with the frame is said when it is looked at."""
        with _in_a_sentence(), suppress(SeemVideoError):
            self._desk.do(key, lambda work: work.prepare(frame))

    def mark(self, key: str, frame: int, chosen: int, tool: str, gesture: str) -> Changes:
        with _in_a_sentence():
            return self._add(key, frame, chosen, read_gesture(gesture, tool))

    def find(self, key: str, frame: int, chosen: int, words: str | None) -> Changes:
        with _in_a_sentence():
            return self._add(key, frame, chosen, Text(words or ""))

    def show(self, key: str, frame: int, chosen: int, image: npt.NDArray[np.uint8], gesture: str) -> Changes:
        with _in_a_sentence():
            return self._add(key, frame, chosen, Reference(image, [read_gesture(gesture, BOX)]))

    def scrub(self, key: str, frame: int) -> Changes:
        with _in_a_sentence():
            return self._desk.do(key, lambda work: self._seen(work, frame))

    def choose(self, key: str, frame: int, chosen: int) -> Changes:
        with _in_a_sentence():
            return self._view(key, frame, chosen)

    def another(self, key: str, frame: int) -> Changes:
        with _in_a_sentence():
            new = self._desk.do(key, lambda work: work.unused_id)
            return self._view(key, frame, new, f"Click the thing that is object {new}.")

    def rename(self, key: str, frame: int, chosen: int, name: str) -> Changes:
        with _in_a_sentence():
            self._desk.do(key, lambda work: work.rename(chosen, name))
            return self._view(key, frame, chosen)

    def recolor(self, key: str, frame: int, chosen: int, words: str) -> Changes:
        with _in_a_sentence():
            color = read_color(words)
            self._desk.do(key, lambda work: work.colors.update({chosen: color}))
            return self._view(key, frame, chosen)

    def hide(self, key: str, frame: int, chosen: int) -> Changes:
        with _in_a_sentence():
            self._desk.do(key, lambda work: work.hidden.symmetric_difference_update({chosen}))
            return self._view(key, frame, chosen)

    def delete(self, key: str, frame: int, chosen: int) -> Changes:
        with _in_a_sentence():
            self._desk.do(key, lambda work: work.remove(chosen))
            left = self._desk.do(key, lambda work: work.object_ids or [work.unused_id])
            return self._view(key, frame, left[0])

    def undo(self, key: str, _: int, chosen: int) -> Changes:
        with _in_a_sentence():
            frame = self._desk.do(key, Work.undo)
            return self._view(key, frame, chosen)

    def redo(self, key: str, _: int, chosen: int) -> Changes:
        with _in_a_sentence():
            frame = self._desk.do(key, Work.redo)
            return self._view(key, frame, chosen)

    def track(self, key: str, way: Way, first: int | None, last: int | None) -> Iterator[Changes]:
        with _in_a_sentence():
            for changes in self._desk.each(key, lambda work: self._track(work, way, first or 0, last)):
                if changes:
                    yield changes
        # as it ends, Gradio applies what was yielded last once more, by then maybe to another video
        yield {self._parts.status: gr.skip()}

    def stop(self, key: str) -> None:
        """Tracking ends after the frame that it is at, and shows that one last."""
        with _in_a_sentence():
            self._desk.do(key, Work.stop)

    def export(self, key: str, kinds: list[str]) -> Changes:
        with _in_a_sentence():
            paths = self._desk.do(key, lambda work: write_outputs(work, kinds))
            return self._files(paths, "The files are ready, below.")

    def save(self, key: str) -> Changes:
        with _in_a_sentence():
            return self._files(
                [self._desk.do(key, save_session)], "The session is ready, below; keep the clip with it."
            )

    def reopen(self, key: str, path: str) -> Changes:
        with _in_a_sentence():
            self._desk.change(key, partial(open_session_file, Path(path)))
            return self._whole(key)

    def _choose_model(self, key: str, name: str) -> Iterator[Changes]:
        parts = self._parts
        before = self._desk.do(key, lambda work: self._shelf.name_of(work.model)) if self._desk.has(key) else ""
        if before == name:  # Gradio tells of a choice a second time when its field is left
            yield {parts.model: name}
            return
        try:
            for words in self._shelf.bring(name):
                yield {parts.status: words}
            model = self._shelf.get(name)
            if self._desk.has(key):
                self._desk.change(key, partial(with_model, model))
                yield self._whole(key, f"Now with {name}; what was tracked is to be tracked again.")
            else:
                yield {parts.status: f"Loaded {name}. Open a video.", parts.by_words: _only_if(takes_words(model))}
        except SeemVideoError as error:
            yield {parts.model: before or self._shelf.own_name, parts.status: str(error)}

    def _add(self, key: str, frame: int, chosen: int, prompt: Prompt) -> Changes:
        self._desk.do(key, lambda work: work.add(prompt, object_id=chosen, frame=frame))
        return self._view(key, frame, chosen)

    def _track(self, work: Work, way: Way, first: int, last: int | None) -> Iterator[Changes]:
        """Frame by frame, nothing for those that are not shown.

        A step of it, drawing included, is done with the work that it is about, so a page that has another one by then
        gets nothing of it.
        """
        begun, shown, count = time.monotonic(), 0.0, 0
        for result in work.track(way, first=first, last=last):
            frame, count, now = result.index, count + 1, time.monotonic()
            if now - shown <= _REFRESH_S:
                yield {}
                continue
            shown = now
            words = f"Tracking: frame {frame}, {count / max(now - begun, 0.01):.1f} a second."
            yield self._seen(work, frame, words, result)
        least, most = min(work.scores), max(work.scores)
        span = f"frames {least} to {most}" if least else f"up to frame {most}"
        took = f"Tracked {span}, in {time.monotonic() - begun:.0f} s. What is amber below is worth a look."
        yield self._seen(work, frame, None if work.stopped else work.broken or took)

    def _files(self, paths: list[Path], words: str) -> Changes:
        parts = self._parts
        return {parts.files: gr.File(value=[str(path) for path in paths], visible=True), parts.status: words}

    def _whole(self, key: str, words: str | None = None) -> Changes:
        """Everything that a work shows, as when it was last looked at."""
        parts = self._parts
        model, frames, frame, chosen = self._desk.do(key, lambda w: (w.model, w.frames, w.frame, w.chosen))
        return self._view(key, frame, chosen, words) | {
            parts.key: key,
            parts.frame: gr.Slider(maximum=max(1, frames - 1), value=frame),
            parts.model: gr.Dropdown(self._shelf.choices(), value=self._shelf.name_of(model) or self._shelf.own_name),
            parts.by_words: _only_if(takes_words(model)),
            parts.first: gr.Number(value=0, maximum=frames - 1),
            parts.last: gr.Number(value=frames - 1, maximum=frames - 1),
            parts.files: gr.File(value=None, visible=False),
        }

    def _view(self, key: str, frame: int, chosen: int, words: str | None = None) -> Changes:
        """A frame, and the list of objects."""

        def draw(work: Work) -> Changes:
            work.chosen = chosen
            return self._seen(work, frame, words) | self._listed(work, chosen)

        return self._desk.do(key, draw)

    def _seen(self, work: Work, frame: int, words: str | None = None, result: FrameResult | None = None) -> Changes:
        """A frame alone: what is chosen or typed meanwhile stays as it is, and the browser has little to draw anew."""
        work.frame = frame
        seen, scores, parts = result or work.look(frame), work.scores, self._parts
        colors = {i: object_color(i, work.colors) for i in work.object_ids}
        return {
            parts.picture: work.picture(seen),
            parts.status: words or _say(work, seen),
            parts.frame: frame,
            parts.timeline: draw_timeline(scores, colors, work.frames, frame),
            parts.reel: _reel(work, scores),
        }

    def _listed(self, work: Work, chosen: int) -> Changes:
        colors, parts = {i: object_color(i, work.colors) for i in sorted({*work.object_ids, chosen})}, self._parts
        return {
            parts.objects: gr.Radio(choices=[(_line(work, each), each) for each in colors], value=chosen),
            parts.name: _called(work, chosen),
            parts.color: _color_field(colors[chosen]) + _swatches(list(colors.values())),
            parts.hide: "Show" if chosen in work.hidden else "Hide",
        }


@contextmanager
def _in_a_sentence() -> Iterator[None]:
    """What goes wrong is said in the page: what a user can mend, and of anything else where to read more."""
    try:
        yield
    except SeemVideoError as error:
        raise gr.Error(str(error), title="", print_exception=False) from None
    except Exception as error:
        raise gr.Error(_UNFORESEEN, title="") from error


def _only_if(shown: bool) -> gr.Accordion:
    return gr.Accordion(visible=shown)


def _called(work: Work, object_id: int) -> str:
    """The name that an object was given, or nothing."""
    name = work.name_of(object_id)
    return "" if name == str(object_id) else name


def _line(work: Work, object_id: int) -> str:
    hidden = " (hidden)" if object_id in work.hidden else ""
    return (_called(work, object_id) or f"Object {object_id}") + hidden


def _say(work: Work, seen: FrameResult) -> str:
    found = [
        f"{_called(work, object_id) or f'object {object_id}'} " + (f"{score:.0%} sure" if mask.any() else "not seen")
        for object_id, mask, score in zip(seen.object_ids, seen.masks, seen.scores, strict=True)
    ]
    return f"Frame {seen.index}, {seen.time_s:.2f} s: " + (", ".join(found) or "no object yet") + "."


def _reel(work: Work, scores: Collection[int]) -> str:
    """What the page's script plays: what is tracked, or all before anything is; and how many frames a second."""
    first, last = (min(scores), max(scores)) if scores else (0, work.frames - 1)
    return json.dumps({"first": first, "last": last, "fps": work.info.fps or ASSUMED_FPS})


def _color_field(color: Color) -> str:
    """The browser's own field for a colour: Gradio's follows no finger, and tells what is typed too late."""
    return f'<input type="color" value="{css_color(color)}" title="Colour" aria-label="Colour of this object">'


def _swatches(colors: list[Color]) -> str:
    """The style that gives each line of the object list its colour."""
    rules = (
        f"#objects label:nth-of-type({i})::before{{background:{css_color(color)}}}" for i, color in enumerate(colors, 1)
    )
    return f"<style>{''.join(rules)}</style>"
