"""The page in a real browser: what is clicked is what is masked, tracked and taken home; nobody sees another's work."""

from __future__ import annotations

import copy
import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from seem_video import Click, PromptEntry, demo_clip, track

pytest.importorskip("gradio", reason="the page needs Gradio: pip install 'seem-video[ui]'")
sync_api = pytest.importorskip("playwright.sync_api", reason="a real browser is driven by Playwright")
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("no Chromium is installed here", allow_module_level=True)

from seem_video.app.models import ModelShelf  # noqa: E402
from seem_video.app.serve import serve  # noqa: E402
from seem_video.app.work import Work  # noqa: E402

WIDTH, HEIGHT = 854, 480
PATIENCE_MS = 240_000  # for slow machines


@pytest.fixture(scope="module")
def address(model) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seem_video.app.serve.MOST_BYTES", 1_000_000)
        with serve(None, ModelShelf("seem-nano", model, "cpu")) as address:
            yield address


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address: str) -> Iterator:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    elsewhere: list[str] = []
    page.on(
        "request", lambda request: request.url.startswith((address, "data:", "blob:")) or elsewhere.append(request.url)
    )
    page.goto(address)
    page.locator("#demo").wait_for()
    yield page
    page.context.close()
    assert not elsewhere, "the page fetches nothing from other servers"


def _seen(page) -> np.ndarray:
    """The picture as the browser shows it, (480, 854, 3)."""
    shot = np.asarray(Image.open(io.BytesIO(page.locator("#picture img").screenshot())).convert("RGB"))
    return cv2.resize(shot, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(int)


def _stroke(page, *points: tuple[int, int]) -> None:
    """Draws through pixels of the frame, or clicks if there is one, and waits for the new picture."""
    picture = page.locator("#picture img")
    box, before = picture.bounding_box(), picture.get_attribute("src")
    for i, (x, y) in enumerate(points):
        page.mouse.move(
            box["x"] + (x + 0.5) * box["width"] / WIDTH, box["y"] + (y + 0.5) * box["height"] / HEIGHT, steps=4
        )
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    _wait_for_another_picture(page, before)


def _wait_for_another_picture(page, before: str) -> None:
    page.wait_for_function(
        "old => { const now = document.querySelector('#picture img');"
        " return now.getAttribute('src') !== old && now.complete; }",
        arg=before,
    )


def _press(page, key: str) -> None:
    """Presses a key outside all fields and waits for the new picture."""
    before = page.locator("#picture img").get_attribute("src")
    page.keyboard.press(key)
    _wait_for_another_picture(page, before)


def _open_demo(page) -> None:
    page.locator("#demo").click()
    page.get_by_text("132 frames").wait_for()


def test_what_is_clicked_is_masked_there_tracked_and_taken_home(
    page, tmp_path: Path, model, capfd: pytest.CaptureFixture[str]
):
    _open_demo(page)
    plain = _seen(page)
    _stroke(page, (247, 283))
    page.get_by_text("% sure").wait_for()
    changed = np.abs(_seen(page) - plain).max(-1) > 25
    page.locator("#last input").fill("3")
    page.locator("#last input").press("Tab")
    page.locator("#track").click()
    page.get_by_text("Tracked up to frame 3").wait_for()
    page.wait_for_timeout(1000)  # for what the tracking has left to say
    assert "Traceback" not in capfd.readouterr().err
    page.locator("#export").click()
    with page.expect_download() as download:
        page.locator("#files a[href*='masks.zip']").first.click()
    prompts = [PromptEntry(Click(247, 283), 1, 0)]
    track(demo_clip.VIDEO, prompts, out=tmp_path / "out", model=model, stop=4, save=["masks"])
    with zipfile.ZipFile(download.value.path()) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        assert names == sorted(path.name for path in (tmp_path / "out" / "masks").iterdir())
        for name in names:
            expected = np.asarray(Image.open(tmp_path / "out" / "masks" / name))
            assert np.array_equal(np.asarray(Image.open(archive.open(name))), expected)
    mask = np.asarray(Image.open(tmp_path / "out" / "masks" / "00000.png")) == 1
    assert changed[283, 247]
    assert (changed & mask).sum() / (changed | mask).sum() > 0.8, "the picture changes where the mask is"


def test_tracking_stops_when_told_and_a_second_object_joins_there_by_a_box(page):
    _open_demo(page)
    status = page.locator("#status")
    _stroke(page, (247, 283))
    page.locator("#track").click()
    status.get_by_text("Tracking: frame").wait_for()
    name = page.locator("#name input, #name textarea").first
    name.fill("rabb")
    for _ in range(2):
        _wait_for_another_picture(page, page.locator("#picture img").get_attribute("src"))
    sync_api.expect(name).to_have_value("rabb")
    page.locator("#stop").click()
    status.get_by_text(re.compile(r"Frame \d+, ")).wait_for()
    assert int(page.locator("#frame input[type=number]").input_value()) < 131
    page.locator("#another").click()
    status.get_by_text("Click the thing that is object 2").wait_for()
    page.locator("#tool").get_by_text("Box").click()
    _stroke(page, (560, 180), (780, 290))
    status.get_by_text(re.compile(r"object 2 (\d+%|not)")).wait_for()
    page.locator("#undo").click()
    sync_api.expect(status).not_to_contain_text("object 2", timeout=PATIENCE_MS)
    sync_api.expect(status).to_contain_text("object 1")


def test_what_is_tracked_plays_in_time_to_its_end_and_stands_still_when_pressed(page):
    _open_demo(page)
    _stroke(page, (247, 283))
    page.locator("#last input").fill("20")
    page.locator("#last input").press("Tab")
    page.locator("#track").click()
    page.get_by_text("Tracked up to frame 20").wait_for()
    reel = page.locator("#reel textarea, #reel input")
    assert json.loads(reel.input_value()) == {"first": 0, "last": 20, "fps": 25.0}
    reel.evaluate("field => field.value = field.value.replace('25.0', '4')")  # slow enough to be met on its way
    play, frame = page.locator("#play"), page.locator("#frame input[type=number]")
    _press(page, "p")  # at the end of what is tracked: from its beginning
    sync_api.expect(play).to_have_text("Pause")
    page.wait_for_function("() => Number(document.querySelector('#frame input[type=range]').value) > 5")
    status, stroke = page.locator("#status"), page.locator("#picture img").bounding_box()
    page.mouse.click(stroke["x"] + stroke["width"] / 2, stroke["y"] + stroke["height"] / 4)
    sync_api.expect(play).to_have_text("Play")
    status.get_by_text(f"Frame {frame.input_value()}, ").wait_for()
    stood = int(frame.input_value())
    assert 5 < stood < 20
    assert page.locator("#timeline rect").count() == 22, "the press is no prompt: nothing is to be tracked again"
    page.locator("#tool").get_by_text("Click −").click()
    _stroke(page, (40, 40))  # the correction is on the frame that is seen
    assert page.locator("#timeline rect").count() == 1 + stood
    _press(page, "Home")
    play.click()
    sync_api.expect(play).to_have_text("Pause")
    status.get_by_text(f"Frame {stood - 1}, ").wait_for()
    sync_api.expect(play).to_have_text("Play")


def test_a_colour_is_chosen_and_a_prompt_undone_is_given_again(page):
    _open_demo(page)
    plain = _seen(page)
    _stroke(page, (247, 283))
    field = page.locator("#color input")
    sync_api.expect(field).to_have_value("#800000")
    before = page.locator("#picture img").get_attribute("src")
    field.fill("#0000ff")
    _wait_for_another_picture(page, before)
    red, _, blue = (_seen(page) - plain)[250:300, 235:260].mean((0, 1))
    assert blue > 60 > 0 > red
    marked = _seen(page)
    _press(page, "u")
    assert np.abs(_seen(page) - plain).mean() < 1
    _press(page, "Control+y")
    _press(page, "Control+z")
    _press(page, "Control+Shift+Z")
    assert np.abs(_seen(page) - marked).mean() < 1
    page.locator("#another").click()
    sync_api.expect(field).to_have_value("#008000")
    page.locator("#objects").get_by_text("Object 1").click()
    sync_api.expect(field).to_have_value("#0000ff")


def test_a_model_that_is_chosen_once_is_taken_once(page, address: str, model, monkeypatch: pytest.MonkeyPatch):
    fetched: list[str] = []

    def bring(shelf: ModelShelf, name: str) -> Iterator[str]:
        fetched.append(name)
        shelf._other = name, copy.copy(model)
        yield f"Fetching {name}: 1 of 2 MB."

    monkeypatch.setattr(ModelShelf, "bring", bring)
    _open_demo(page)
    page.locator("#model input").click()
    page.get_by_role("option").filter(has_text="seem-focalt-v0").click()
    page.get_by_text("Now with seem-focalt-v0").wait_for()
    page.locator("#picture img").click()
    page.get_by_text("% sure").wait_for()
    page.locator("#undo").click()
    page.locator("#status").get_by_text("no object yet").wait_for()
    assert fetched == ["seem-focalt-v0"]


def test_nobody_sees_files_that_are_not_his(page, browser, address: str):
    _open_demo(page)
    for path in ("/etc/passwd", str(demo_clip.VIDEO), str(Path("pyproject.toml").absolute())):
        assert page.request.get(f"{address}gradio_api/file={path}").status in (403, 404)
    stranger = browser.new_context().new_page()
    stranger.goto(address)
    stranger.locator("#export").click()
    stranger.get_by_text("There is no video here yet").first.wait_for(timeout=PATIENCE_MS)
    stranger.context.close()


def test_what_cannot_be_read_is_said_in_a_sentence_and_the_page_goes_on(page, tmp_path: Path):
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 100)
    (tmp_path / "large.mp4").write_bytes(bytes(1_500_000))
    for name, sentence in (("broken.mp4", "is not a video that"), ("large.mp4", "exceed the maximum")):
        with page.expect_file_chooser() as chooser:
            page.locator("#upload").click()
        chooser.value.set_files(tmp_path / name)
        page.get_by_text(sentence).first.wait_for()
    _open_demo(page)


def test_an_error_that_nobody_foresaw_is_a_sentence_too(page, monkeypatch: pytest.MonkeyPatch):
    def fail(_: Work) -> int:
        raise MemoryError("no memory left, at line 12 of undo.py")

    _open_demo(page)
    _stroke(page, (247, 283))
    with monkeypatch.context() as patch:
        patch.setattr(Work, "undo", fail)
        page.locator("#undo").click()
        page.get_by_text("Something went wrong that was not foreseen").first.wait_for()
    assert page.get_by_text("undo.py").count() == 0
    page.locator("#undo").click()
    page.locator("#status").get_by_text("no object yet").wait_for()


def _drop(page, path: Path) -> None:
    page.evaluate(
        """([name, bytes]) => {
          const dropped = new DataTransfer();
          dropped.items.add(new File([new Uint8Array(bytes)], name, { type: "video/mp4" }));
          const event = new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true });
          document.querySelector("#picture").dispatchEvent(event);
        }""",
        [path.name, list(path.read_bytes())],
    )


def test_what_is_dropped_on_the_page_is_opened(page, clip: Path, tmp_path: Path):
    _drop(page, clip)
    page.get_by_text("96×64, 6 frames").wait_for()
    page.locator("#picture img").click()
    status = page.locator("#status")
    status.get_by_text("object 1").wait_for()
    page.locator("#save").click()
    with page.expect_download() as download:
        page.locator("#files a[href*='clip.seem']").first.click()
    download.value.save_as(tmp_path / "clip.seem")
    page.keyboard.press("u")
    status.get_by_text("no object yet").wait_for()
    _drop(page, tmp_path / "clip.seem")
    status.get_by_text("object 1").wait_for()


def test_another_video_opened_while_it_tracks_ends_the_tracking(page, clip: Path, capfd: pytest.CaptureFixture[str]):
    _open_demo(page)
    _stroke(page, (247, 283))
    page.locator("#track").click()
    page.locator("#status").get_by_text("Tracking: frame").wait_for()
    _drop(page, clip)
    page.get_by_text("96×64, 6 frames").wait_for()
    page.wait_for_timeout(1000)  # for what the tracking has left to say
    sync_api.expect(page.locator("#status")).to_have_text(re.compile("96×64, 6 frames"))
    assert page.locator(".toast-body").count() == 0
    assert "Traceback" not in capfd.readouterr().err


def test_a_reload_and_a_second_tab_lose_nothing_and_a_stranger_sees_nothing(page, browser, address: str):
    _open_demo(page)
    _press(page, "ArrowRight")
    plain = _seen(page)
    _stroke(page, (247, 283))
    clicked = _seen(page)
    page.keyboard.press("s")
    _stroke(page, (560, 220), (640, 240), (760, 220))
    marked = _seen(page)
    far = np.zeros((HEIGHT, WIDTH), bool)
    far[:, 420:] = True
    assert (np.abs(marked - clicked).max(-1)[far] > 25).sum() > (np.abs(clicked - plain).max(-1)[far] > 25).sum()
    page.locator("#name input, #name textarea").first.fill("rabbit")
    page.keyboard.press("Enter")
    page.locator("#objects").get_by_text("rabbit").wait_for()
    named = page.url
    assert "work=" in named
    second = page.context.new_page()
    for each, go in ((page, page.reload), (second, lambda: second.goto(named))):
        go()
        each.locator("#status").get_by_text(re.compile(r"Frame 1, .*rabbit \d+% sure")).wait_for(timeout=PATIENCE_MS)
        assert each.url == named
        assert each.locator("#frame input[type=number]").input_value() == "1"
        assert np.abs(_seen(each) - marked).mean() < 1
        each.locator("#objects").get_by_text("rabbit").wait_for()
    second.close()
    stranger = browser.new_context().new_page()
    stranger.goto(address)
    stranger.locator("#demo").wait_for()
    assert "work=" not in stranger.url
    assert stranger.locator("#picture img").count() == 0
    stranger.context.close()


def test_a_tab_closed_while_it_tracks_ends_the_tracking_and_keeps_what_is_tracked(page, browser):
    _open_demo(page)
    _stroke(page, (247, 283))
    page.locator("#track").click()
    page.locator("#status").get_by_text(re.compile(r"Tracking: frame [1-9]")).wait_for()
    named = page.url
    page.close()
    again = browser.new_context().new_page()
    again.set_default_timeout(PATIENCE_MS)

    def bars() -> int:
        again.goto(named)
        again.locator("#timeline svg").wait_for()
        return again.locator("#timeline rect").count() - 1

    kept = -1
    while (now := bars()) != kept:
        kept = now
    assert 0 < kept < 132
    again.context.close()


def test_a_saved_session_is_opened_in_another_tab(page, browser, address: str, tmp_path: Path):
    _open_demo(page)
    _stroke(page, (247, 283))
    marked = _seen(page)
    page.locator("#save").click()
    with page.expect_download() as download:
        page.locator("#files a[href*='demo.seem']").first.click()
    download.value.save_as(tmp_path / "demo.seem")
    other = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    other.set_default_timeout(PATIENCE_MS)
    other.goto(address)
    _open_demo(other)
    with other.expect_file_chooser() as chooser:
        other.locator("#reopen").click()
    chooser.value.set_files(tmp_path / "demo.seem")
    other.locator("#status").get_by_text(re.compile(r"object 1 \d+% sure")).wait_for()
    assert np.abs(_seen(other) - marked).mean() < 1
    other.context.close()
