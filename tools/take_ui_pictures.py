"""Takes the pictures of the web page that the README and docs/ui.md show, in Chromium on the demo clip.

    python tools/take_ui_pictures.py [--out docs/images]

To be run when the page or the weights of seem-nano have changed. It needs `pip install playwright` and a `chromium`.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from seem_video import demo_clip, load_model, open_reader
from seem_video.app.models import ModelShelf
from seem_video.app.serve import serve
from seem_video.terminal import run

FRAME, LAST = 8, 16
RABBIT = ((247, 283), (241, 302))
ROCKS = ((522, 177), (780, 293))
WIDTH, COLORS = 920, 128
"""Of the files: pixels of the page's 1280, and of the palette that keeps them small."""
_PATIENCE_MS = 600_000
_SETTLING_MS = 1000


def take(page: Page, out: Path) -> None:
    """Click, mark, name and track as docs/ui.md tells it, and write a picture after the click and one at the end."""
    _go_to(page, FRAME)
    _stroke(page, RABBIT[0])
    _write(page, out / "ui_click.png", "#frame")
    _stroke(page, RABBIT[1])
    _name(page, "rabbit")
    page.locator("#another").click()
    page.locator("#status").get_by_text("object 2").wait_for()
    page.locator("#tool").get_by_text("Box").click()
    _stroke(page, *ROCKS)
    _name(page, "rocks")
    page.locator("#color input").fill("#2f7ee6")
    page.locator("#way").get_by_text("Both").click()
    page.locator("#last input").fill(str(LAST))
    page.locator("#last input").press("Tab")
    page.locator("#track").click()
    page.locator("#status").get_by_text("Tracked ").wait_for()
    _go_to(page, FRAME)
    _write(page, out / "ui.png", "#timeline")


def main(out: Annotated[Path, typer.Option(help="Folder of the pictures.")] = Path("docs/images")) -> None:
    """Take the pictures."""
    shelf = ModelShelf("seem-nano", load_model("seem-nano", device="cpu"), "cpu")
    with serve(demo_clip.VIDEO, shelf) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 960})
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(address)
        page.locator("#strip img").wait_for()
        take(page, out)
        browser.close()


def _go_to(page: Page, frame: int) -> None:
    page.locator("#frame input[type=number]").fill(str(frame))
    page.locator("#frame input[type=number]").press("Enter")
    page.locator("#status").get_by_text(f"Frame {frame}, ").wait_for()


def _stroke(page: Page, *points: tuple[int, int]) -> None:
    """Click or drag through pixels of the frame, and wait for the new picture."""
    info, picture = open_reader(demo_clip.VIDEO).info, page.locator("#picture img")
    box, before = picture.bounding_box(), picture.get_attribute("src")
    assert box is not None
    for i, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"] / info.width, box["y"] + y * box["height"] / info.height, steps=4)
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    page.wait_for_function("old => document.querySelector('#picture img').getAttribute('src') !== old", arg=before)


def _name(page: Page, name: str) -> None:
    field = page.locator("#name input, #name textarea").first
    field.fill(name)
    field.press("Enter")
    page.locator("#objects").get_by_text(name).wait_for()


def _write(page: Page, path: Path, lowest: str) -> None:
    """The page from its top down to one of its parts."""
    page.locator("#status").click()  # away from what the pointer would light up
    page.wait_for_timeout(_SETTLING_MS)
    box = page.locator(lowest).bounding_box()
    assert box is not None
    clip = {"x": 0, "y": 0, "width": 1280, "height": box["y"] + box["height"] + 16}
    shot = Image.open(io.BytesIO(page.screenshot(clip=clip, full_page=True))).convert("RGB")
    shot.resize((WIDTH, round(shot.height * WIDTH / shot.width)), Image.Resampling.LANCZOS).quantize(COLORS).save(
        path, optimize=True
    )


if __name__ == "__main__":
    run(main)
