"""The page: what is on it, and what each part of it does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr

import seem_video
from seem_video.app.desk import Desk
from seem_video.app.timeline import css_color, draw_timeline
from seem_video.app.work import Work
from seem_video.errors import SeemVideoError
from seem_video.io.palette import object_color
from seem_video.prompts import Box, Click, Prompt
from seem_video.results import FrameResult

DEMO = Path(seem_video.__file__).parent / "data" / "demo.mp4"
CSS = """
.gradio-container { max-width: 1240px !important; }
#picture img { cursor: crosshair; max-height: 68vh; object-fit: contain; }
#timeline svg { width: 100%; display: block; }
#timeline .ground { fill: var(--background-fill-secondary); }
#timeline .now { stroke: var(--body-text-color); stroke-width: 2; vector-effect: non-scaling-stroke; }
#timeline p { margin: 0 0 6px; font-size: var(--text-md); color: var(--block-label-text-color); }
#objects label::before { content: ""; width: 14px; height: 14px; border-radius: 4px; flex: none; margin-right: 8px; }
#tool .wrap { gap: 6px; }
#tool label { padding: 7px 8px; font-size: var(--text-sm); }
#status p { margin: 0; }
"""
_ADD, _TAKE_AWAY, _BOX = "Click +", "Click −", "Box"
_REFRESH_S = 0.3


def theme() -> gr.themes.Base:
    """Quiet colours, and the system's own fonts: nothing is fetched from elsewhere."""
    return gr.themes.Default(
        primary_hue="blue",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )


def build_page(desk: Desk, clip: Path | None) -> gr.Blocks:
    """The page; it opens with `clip`, or with nothing."""
    with gr.Blocks(title="seem-video", analytics_enabled=False) as page:
        gr.Markdown("## seem-video\nClick a thing in a video, get its mask in every frame.")
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                picture = gr.Image(
                    interactive=False, show_label=False, buttons=[], elem_id="picture", placeholder="No video yet."
                )
                status = gr.Markdown("Open a video, or take the demo clip.", elem_id="status")
                frame = gr.Slider(0, 1, 0, step=1, label="Frame", elem_id="frame")
                timeline = gr.HTML(label="Confidence", elem_id="timeline")
            with gr.Column(scale=1, min_width=260):
                with gr.Row():
                    upload = gr.UploadButton(
                        "Open a video", file_types=["video"], size="md", elem_id="upload", min_width=120
                    )
                    demo = gr.Button("Demo clip", size="md", elem_id="demo", min_width=100)
                tool = gr.Radio([_ADD, _TAKE_AWAY, _BOX], value=_ADD, label="Tool", elem_id="tool")
                objects = gr.Radio([("Object 1", 1)], value=1, label="Objects", elem_id="objects")
                with gr.Row():
                    another = gr.Button("New object", size="sm", elem_id="another", min_width=80)
                    delete = gr.Button("Delete", size="sm", elem_id="delete", min_width=80)
                    undo = gr.Button("Undo", size="sm", elem_id="undo", min_width=80)
                last = gr.Number(1, label="Track up to frame", precision=0, minimum=0, elem_id="last")
                with gr.Row():
                    track = gr.Button("Track", variant="primary", size="md", elem_id="track", min_width=100)
                    stop = gr.Button("Stop", size="md", elem_id="stop", min_width=100)
                export = gr.Button("Prepare the files", size="md", elem_id="export")
                files = gr.File(label="Files", file_count="multiple", interactive=False, elem_id="files", visible=False)
        corner = gr.State(None)  # the frame and place of a box's first corner

        acts = _Acts(desk, clip)
        view = [picture, frame, objects, timeline, status]
        whole = [*view, last, files, corner]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        upload.upload(acts.open_upload, upload, whole, **quiet)
        demo.click(acts.open_demo, None, whole, **quiet)
        if clip is not None:
            page.load(acts.open_named, None, whole, **quiet)
        picture.select(acts.point, [frame, tool, objects, corner], [*view, corner], trigger_mode="multiple", **quiet)
        tool.input(lambda: None, None, corner, **quiet)
        frame.input(acts.scrub, [frame, objects], view, trigger_mode="always_last", **quiet)
        another.click(acts.another, [frame], view, **quiet)
        delete.click(acts.delete, [frame, objects], view, **quiet)
        undo.click(acts.undo, [frame, objects], view, **quiet)
        tracking = track.click(acts.track, [last, objects], view, concurrency_limit=8, **quiet)
        stop.click(acts.scrub, [frame, objects], view, cancels=[tracking], **quiet)
        export.click(acts.export, None, [files, status], show_progress="minimal", api_visibility="private")
        page.unload(acts.leave)
    return page


class _Acts:
    """What happens on the page; each method answers an event of one tab."""

    def __init__(self, desk: Desk, named: Path | None) -> None:
        self._desk = desk
        self._named = named

    def open(self, clip: Path, request: gr.Request, *, uploaded: bool = False) -> tuple[Any, ...]:
        key = _key(request)
        with _in_a_sentence():
            self._desk.open(key, clip, uploaded=uploaded)
            shown = self._view(key, 0, 1)
            frames, info = self._desk.do(key, lambda work: (work.frames, work.info))
            words = f"{info.width}×{info.height}, {frames} frames. Click the thing to follow."
            slider = gr.Slider(maximum=max(1, frames - 1), value=0)
            number = gr.Number(value=frames - 1, maximum=frames - 1)
            return shown[0], slider, *shown[2:4], words, number, gr.File(value=None, visible=False), None

    def open_upload(self, path: str, request: gr.Request) -> tuple[Any, ...]:
        return self.open(Path(path), request, uploaded=True)

    def open_named(self, request: gr.Request) -> tuple[Any, ...]:
        assert self._named is not None
        return self.open(self._named, request)

    def open_demo(self, request: gr.Request) -> tuple[Any, ...]:
        return self.open(DEMO, request)

    def point(
        self,
        frame: int,
        tool: str,
        object_id: int,
        corner: tuple[int, int, int] | None,
        place: gr.SelectData,
        request: gr.Request,
    ) -> tuple[Any, ...]:
        key, (x, y) = _key(request), place.index
        with _in_a_sentence():
            if tool == _BOX and (corner is None or corner[0] != frame):
                return *self._view(key, frame, object_id, "Now click the opposite corner of the box."), (frame, x, y)
            prompt: Prompt = _box(corner, x, y) if tool == _BOX and corner else Click(x, y, positive=tool == _ADD)
            self._desk.do(key, lambda work: work.add(prompt, object_id=object_id, frame=frame))
            return *self._view(key, frame, object_id), None

    def scrub(self, frame: int, object_id: int, request: gr.Request) -> tuple[Any, ...]:
        with _in_a_sentence():
            return self._view(_key(request), frame, object_id)

    def another(self, frame: int, request: gr.Request) -> tuple[Any, ...]:
        key = _key(request)
        with _in_a_sentence():
            new = self._desk.do(key, lambda work: work.unused_id)
            return self._view(key, frame, new, f"Click the thing that is object {new}.")

    def delete(self, frame: int, object_id: int, request: gr.Request) -> tuple[Any, ...]:
        key = _key(request)
        with _in_a_sentence():
            self._desk.do(key, lambda work: work.remove(object_id))
            left = self._desk.do(key, lambda work: work.object_ids or [work.unused_id])
            return self._view(key, frame, left[0])

    def undo(self, frame: int, object_id: int, request: gr.Request) -> tuple[Any, ...]:
        key = _key(request)
        with _in_a_sentence():
            return self._view(key, self._desk.do(key, Work.undo), object_id)

    def track(self, last: int | None, object_id: int, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        key, shown, begun = _key(request), 0.0, time.monotonic()
        stop = None if last is None else last + 1
        with _in_a_sentence():
            for result in self._desk.each(key, lambda work: work.track(stop)):
                if time.monotonic() - shown > _REFRESH_S:
                    shown = time.monotonic()
                    yield self._view(key, result.index, object_id, f"Tracking: frame {result.index}.", result)
            done, broken = self._desk.do(key, lambda work: (len(work.scores) - 1, work.broken))
            took = f"Tracked up to frame {done} in {time.monotonic() - begun:.0f} s."
            yield self._view(key, done, object_id, broken or f"{took} What is amber below is worth a look.")

    def export(self, request: gr.Request) -> tuple[Any, ...]:
        with _in_a_sentence():
            paths = self._desk.do(_key(request), Work.export)
            return gr.File(value=[str(path) for path in paths], visible=True), "The files are ready."

    def leave(self, request: gr.Request) -> None:
        self._desk.close(_key(request))

    def _view(
        self, key: str, frame: int, object_id: int, words: str | None = None, result: FrameResult | None = None
    ) -> tuple[Any, ...]:
        """The values of picture, frame, objects, timeline and status."""

        def draw(work: Work) -> tuple[FrameResult, Path, str]:
            seen = result or work.look(frame)
            return seen, work.picture(seen), draw_timeline(work.scores, work.object_ids, work.frames, frame)

        seen, picture, timeline = self._desk.do(key, draw)
        ids = sorted({*seen.object_ids, object_id})
        choices = gr.Radio(choices=[(f"Object {each}", each) for each in ids], value=object_id)
        return picture, frame, choices, timeline + _swatches(ids), words or _say(seen)


@contextmanager
def _in_a_sentence() -> Iterator[None]:
    """What a user can mend is shown in the page, in our own words."""
    try:
        yield
    except SeemVideoError as error:
        raise gr.Error(str(error), title="", print_exception=False) from None


def _key(request: gr.Request) -> str:
    assert request.session_hash is not None
    return request.session_hash


def _box(corner: tuple[int, int, int], x: int, y: int) -> Box:
    _, x0, y0 = corner
    return Box(min(x0, x), min(y0, y), max(x0, x), max(y0, y))


def _say(seen: FrameResult) -> str:
    found = [
        f"object {object_id} {score:.0%} sure" if mask.any() else f"object {object_id} not seen"
        for object_id, mask, score in zip(seen.object_ids, seen.masks, seen.scores, strict=True)
    ]
    return f"Frame {seen.index}, {seen.time_s:.2f} s: " + (", ".join(found) or "no object yet") + "."


def _swatches(ids: list[int]) -> str:
    """The style that gives each line of the object list its colour."""
    rules = (
        f"#objects label:nth-of-type({i})::before{{background:{css_color(object_color(object_id))}}}"
        for i, object_id in enumerate(ids, 1)
    )
    return f"<style>{''.join(rules)}</style>"
