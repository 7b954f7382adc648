"""The page: what is on it, where, and which act each part of it begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from seem_video.app.acts import Acts
from seem_video.app.desk import Desk
from seem_video.app.files import OUTPUTS, USUAL
from seem_video.app.gestures import ADD, TOOLS
from seem_video.app.models import ModelShelf
from seem_video.app.parts import Parts
from seem_video.model.vocabulary import COCO

_KEYS = (
    "**Keys** — tools: `+` `-` `B` `S` `E` · `N` new object · `H` hide or show · `U` or `Ctrl Z` undo · "
    "`R` or `Ctrl Y` redo · `Del` delete · `T` track · `Esc` stop · `P` play or pause · "
    "`←` `→` a frame, with `Shift` ten · `Home` `End`"
)
_REMEMBER = """(key) => {
  const address = new URL(window.location);
  address.searchParams.set("work", key);
  window.history.replaceState(null, "", address);
}"""
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def read_asset(name: str) -> str:
    """A file that goes with the page."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def theme() -> gr.themes.Base:
    """Quiet colours, and the system's own fonts: nothing is fetched from elsewhere."""
    return gr.themes.Default(
        primary_hue="blue",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )


def build_page(desk: Desk, shelf: ModelShelf, clip: Path | None) -> gr.Blocks:
    """The page; a work that is new to it opens with `clip`, or with nothing."""
    with gr.Blocks(title="seem-video", analytics_enabled=False) as page:
        gr.Markdown("## seem-video\nClick a thing in a video, get its mask in every frame.")
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                stage = _stage()
            with gr.Column(scale=1, min_width=290):
                panel = _panel(shelf)
        take = _take_home()
        gr.Markdown(_KEYS, elem_id="keys")
        parts = Parts(
            key=gr.Textbox(visible="hidden", elem_id="work"),
            gesture=gr.Textbox(visible="hidden", elem_id="gesture"),
            shown=gr.Textbox(visible="hidden", elem_id="shown"),
            picked=gr.Textbox(visible="hidden", elem_id="picked"),
            reel=gr.Textbox(visible="hidden", elem_id="reel"),
            **stage,
            **panel.parts,
            **take.parts,
        )
        acts = Acts(desk, shelf, clip, parts)
        _wire(page, parts, acts, panel, take)
    return page


@dataclass(frozen=True)
class _Panel:
    """The column on the right: parts that acts read or change, and those that only begin them."""

    parts: dict[str, Any]
    upload: gr.UploadButton
    demo: gr.Button
    another: gr.Button
    delete: gr.Button
    undo: gr.Button
    redo: gr.Button
    find: gr.Button
    track: gr.Button
    stop: gr.Button


@dataclass(frozen=True)
class _TakeHome:
    """What stands below: parts that acts read or change, and those that only begin them."""

    parts: dict[str, Any]
    export: gr.Button
    save: gr.Button
    reopen: gr.UploadButton


def _stage() -> dict[str, Any]:
    parts: dict[str, Any] = {
        "picture": gr.Image(interactive=False, show_label=False, buttons=[], elem_id="picture"),
        "status": gr.Markdown("Open a video or drop one here, or take the demo clip.", elem_id="status"),
    }
    with gr.Row(equal_height=True):
        gr.Button("Play", size="md", elem_id="play", min_width=84, scale=0)  # what it does is in page.js
        parts["frame"] = gr.Slider(0, 1, 0, step=1, label="Frame", elem_id="frame", min_width=200)
    parts["strip"] = gr.HTML(elem_id="strip")
    parts["timeline"] = gr.HTML(elem_id="timeline")
    return parts


def _panel(shelf: ModelShelf) -> _Panel:
    with gr.Row():
        upload = gr.UploadButton("Open a video", file_types=["video"], size="md", elem_id="upload", min_width=120)
        demo = gr.Button("Demo clip", size="md", elem_id="demo", min_width=100)
    parts: dict[str, Any] = {
        "model": gr.Dropdown(shelf.choices(), value=shelf.own_name, label="Model", elem_id="model"),
        "tool": gr.Radio(list(TOOLS), value=ADD, label="Tool", elem_id="tool"),
        "objects": gr.Radio([("Object 1", 1)], value=1, label="Objects", elem_id="objects"),
    }
    with gr.Row(equal_height=True):
        parts["color"] = gr.HTML(elem_id="color", min_width=44)
        parts["name"] = gr.Textbox(
            show_label=False,
            placeholder="Its name",
            max_lines=1,
            submit_btn="Name",
            elem_id="name",
            min_width=180,
        )
    with gr.Row(elem_id="changes"):
        another = gr.Button("New", size="sm", elem_id="another", min_width=40)
        parts["hide"] = gr.Button("Hide", size="sm", elem_id="hide", min_width=40)
        delete = gr.Button("Delete", size="sm", elem_id="delete", min_width=40)
        undo = gr.Button("Undo", size="sm", elem_id="undo", min_width=40)
        redo = gr.Button("Redo", size="sm", elem_id="redo", min_width=40)
    with gr.Accordion("Name it, or show it in a picture", open=False, visible=False, elem_id="words") as by_words:
        names = sorted(COCO.names)
        parts["said"] = gr.Dropdown(
            names, value="", label="In words, or from the list", allow_custom_value=True, elem_id="said"
        )
        find = gr.Button("Find it on this frame", size="sm", elem_id="find")
        gr.Markdown("Or open a picture with such a thing, and drag a box around it there.")
        parts["reference"] = gr.Image(
            show_label=False,
            sources=["upload"],
            buttons=[],
            type="numpy",
            elem_id="reference",
        )
    parts["by_words"] = by_words
    parts["way"] = gr.Radio(
        [("Forward", "forward"), ("Backward", "backward"), ("Both", "both")],
        value="forward",
        label="Track",
        elem_id="way",
    )
    with gr.Row():
        parts["first"] = gr.Number(0, label="Down to frame", precision=0, minimum=0, elem_id="first", min_width=80)
        parts["last"] = gr.Number(1, label="Up to frame", precision=0, minimum=0, elem_id="last", min_width=80)
    with gr.Row():
        track = gr.Button("Track", variant="primary", size="md", elem_id="track", min_width=100)
        stop = gr.Button("Stop", size="md", elem_id="stop", min_width=100)
    return _Panel(parts, upload, demo, another, delete, undo, redo, find, track, stop)


def _take_home() -> _TakeHome:
    kinds = gr.Dropdown(
        [(words, name) for name, words in OUTPUTS.items()],
        value=list(USUAL),
        multiselect=True,
        label="Files",
        elem_id="kinds",
    )
    with gr.Row():
        export = gr.Button("Prepare the files", size="md", elem_id="export", min_width=140)
        save = gr.Button("Save the session", size="md", elem_id="save", min_width=140)
        reopen = gr.UploadButton("Open a session", file_types=[".seem"], size="md", elem_id="reopen", min_width=140)
    files = gr.File(label="To download", file_count="multiple", interactive=False, elem_id="files", visible=False)
    return _TakeHome({"kinds": kinds, "files": files}, export, save, reopen)


def _wire(page: gr.Blocks, parts: Parts, acts: Acts, panel: _Panel, take: _TakeHome) -> None:
    key, frame, chosen = parts.key, parts.frame, parts.objects
    seen, view, whole = parts.seen(), parts.view(), parts.whole()
    here = [key, frame, chosen]
    strokes: dict[str, Any] = {"trigger_mode": "multiple", **_QUIET}

    key.change(None, key, None, js=_REMEMBER, api_visibility="private")
    begun = [
        page.load(acts.enter, None, whole, **_QUIET),
        panel.upload.upload(acts.open_upload, [key, parts.model, panel.upload], whole, **_QUIET),
        panel.demo.click(acts.open_demo, [key, parts.model], whole, **_QUIET),
    ]
    for each in begun:
        each.then(acts.strip, key, parts.strip, **_QUIET).then(acts.prepare, [key, frame], None, **_QUIET)
    parts.model.input(acts.choose_model, [key, parts.model], whole, **_QUIET)

    parts.gesture.change(acts.mark, [*here, parts.tool, parts.gesture], view, **strokes)
    parts.shown.change(acts.show, [*here, parts.reference, parts.shown], view, **strokes)
    panel.find.click(acts.find, [*here, parts.said], view, **_QUIET)
    frame.input(acts.scrub, [key, frame], seen, trigger_mode="always_last", **_QUIET)
    frame.release(acts.prepare, [key, frame], None, trigger_mode="always_last", **_QUIET)
    chosen.input(acts.choose, here, view, **_QUIET)
    panel.another.click(acts.another, [key, frame], view, **_QUIET)
    panel.delete.click(acts.delete, here, view, **_QUIET)
    panel.undo.click(acts.undo, here, view, **_QUIET)
    panel.redo.click(acts.redo, here, view, **_QUIET)
    parts.name.submit(acts.rename, [*here, parts.name], view, **_QUIET)
    parts.picked.change(acts.recolor, [*here, parts.picked], view, **strokes)
    parts.hide.click(acts.hide, here, view, **_QUIET)

    panel.track.click(acts.track, [key, parts.way, parts.first, parts.last], seen, concurrency_limit=8, **_QUIET)
    panel.stop.click(acts.stop, key, None, **_QUIET)
    taken = [parts.files, parts.status]
    take.export.click(acts.export, [key, parts.kinds], taken, show_progress="minimal", api_visibility="private")
    take.save.click(acts.save, key, taken, **_QUIET)
    take.reopen.upload(acts.reopen, [key, take.reopen], whole, **_QUIET)
