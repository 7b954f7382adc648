"""Sessions: prompts anywhere, forwards and backwards, streams, several objects; on real weights and small frames."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from seem_video import Box, Click, MaskPrompt, open_session
from seem_video.errors import SeemVideoError
from seem_video.io.reader import Frame, FrameReader, SourceInfo
from seem_video.tracking.session import VideoSession
from seem_video.tracking.still import StillImage

SIZE = (96, 128)


def _disc(t: int, *, x0: int = 30, y: int = 48) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (rows - y) ** 2 + (columns - (x0 + 3 * t)) ** 2 < 18**2


def _frames(count: int = 8) -> list[np.ndarray]:
    """A red disc moving right over a quiet green ground."""
    rng = np.random.default_rng(0)
    ground = np.clip(np.array([60, 120, 70]) + rng.normal(0, 6, (*SIZE, 3)), 0, 255).astype(np.uint8)
    frames = []
    for t in range(count):
        frame = ground.copy()
        frame[_disc(t)] = (210, 40, 40)
        frames.append(frame)
    return frames


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    import cv2

    for t, frame in enumerate(_frames()):
        cv2.imwrite(str(tmp_path / f"{t}.png"), frame[..., ::-1])
    return tmp_path


def test_a_click_is_followed_through_the_video(model, folder: Path) -> None:
    with open_session(folder, model) as session:
        session.add(Click(30, 48))
        results = list(session.propagate())
    assert [r.index for r in results] == list(range(8))
    assert min(_iou(r.masks[0], _disc(t)) for t, r in enumerate(results)) > 0.7


class _EveryFifth(FrameReader):
    """A source in real time of which the tracker sees frames 1, 6, 11, ... alone."""

    info = SourceInfo("every fifth", "stream", width=SIZE[1], height=SIZE[0])
    newest_only = True

    def __iter__(self) -> Iterator[Frame]:
        for t, image in enumerate(_frames(8)):
            yield Frame(5 * t + 1, t / 5, None, image)


def test_the_memory_takes_one_frame_in_five_whichever_of_them_is_tracked(model) -> None:
    with open_session(_EveryFifth(), model) as session:
        session.add(Click(30, 48))
        results = list(session.propagate())
        assert session._run.tracker.held_frames == {1, 21, 26, 31, 36}  # the first, and the newest four
    assert results[-1].index == 36


def test_steps_give_what_propagation_gives(model, folder: Path) -> None:
    with open_session(folder, model) as session:
        session.add(Box(12, 30, 48, 66))
        propagated = list(session.propagate())
    live = VideoSession(model)
    live.add(Box(12, 30, 48, 66))
    for frame, result in zip(_frames(), propagated, strict=True):
        assert np.array_equal(live.step(frame).masks, result.masks)


def test_backwards_from_the_last_frame(model, folder: Path) -> None:
    with open_session(folder, model) as session:
        session.add(MaskPrompt(_disc(7)), frame=7)
        results = list(session.propagate(reverse=True))
    assert [r.index for r in results] == list(range(7, -1, -1))
    assert min(_iou(r.masks[0], _disc(r.index)) for r in results) > 0.7


def test_an_object_begins_backwards_at_a_prompt_that_says_what_it_is(model, folder: Path) -> None:
    with open_session(folder, model) as session:
        session.add(MaskPrompt(_disc(2)), frame=2)
        session.add(Click(110, 10, positive=False), frame=5)
        results = {result.index: result for result in session.propagate(reverse=True)}
    assert not any(results[t].masks.any() for t in (5, 4, 3))
    assert _iou(results[2].masks[0], _disc(2)) == 1


def test_a_name_given_later_is_the_objects(model, folder: Path) -> None:
    with open_session(folder, model) as session:
        session.add(Click(30, 48), label="disc")
        session.rename(1, "red disc")
        assert next(session.propagate()).labels == ("red disc",)
        with pytest.raises(SeemVideoError, match="no object 2 to name"):
            session.rename(2, "other")


def test_an_object_has_no_mask_before_its_first_prompt_and_the_first_object_stays(model, folder: Path) -> None:
    with open_session(folder, model) as session:
        session.add(MaskPrompt(_disc(0)), object_id=1)
        corner = np.zeros(SIZE, bool)
        corner[:20, :20] = True
        session.add(MaskPrompt(corner), object_id=7, frame=4, label="corner")
        results = list(session.propagate())
    assert results[0].object_ids == (1, 7)
    assert results[0].labels == ("1", "corner")
    assert not any(r.masks[1].any() for r in results[:4])
    assert np.array_equal(results[4].masks[1], corner)
    assert _iou(results[4].masks[0], _disc(4)) > 0.7
    assert not any((r.masks[0] & r.masks[1]).any() for r in results)


def test_a_start_after_the_prompt_still_knows_the_object(model, folder: Path) -> None:
    with open_session(folder, model) as session:
        session.add(MaskPrompt(_disc(0)))
        results = list(session.propagate(start=3, stop=6))
    assert [r.index for r in results] == [3, 4, 5]
    assert _iou(results[0].masks[0], _disc(3)) > 0.6


def test_removing_an_object_leaves_the_others_as_they_would_be_alone(model) -> None:
    session = VideoSession(model)
    other = _disc(0, x0=100, y=20)
    session.add(MaskPrompt(_disc(0)), object_id=1)
    session.add(MaskPrompt(other), object_id=2)
    session.step(_frames()[0])
    session.remove(2)
    assert session.step(_frames()[1]).object_ids == (1,)
    with pytest.raises(SeemVideoError, match="no object 2 to remove; the objects are: 1"):
        session.remove(2)


def test_several_clicks_on_a_frame_are_taken_one_after_the_other_as_corrections(model) -> None:
    frame = _frames()[0]
    clicks = [Click(30, 48), Click(100, 20, positive=False), Click(36, 40)]
    session = VideoSession(model)
    for click in clicks:
        session.add(click)
    still = StillImage(model, frame)
    for click in clicks:
        mask = still.prompt({1: click})[1]
    assert np.array_equal(session.step(frame).masks[0], mask)


def test_what_cannot_be_asked_is_said(model, folder: Path) -> None:
    with open_session(folder, model) as session:
        with pytest.raises(SeemVideoError, match="nothing to track"):
            next(session.propagate())
        with pytest.raises(SeemVideoError, match="numbered from 1 to 255"):
            session.add(Click(3, 3), object_id=0)
        with pytest.raises(SeemVideoError, match="128"):
            session.add(Click(500, 3))
        with pytest.raises(SeemVideoError, match="no character"):
            session.add(Click(3, 3), label="a\x00b")
        session.add(Click(3, 3), frame=99)
        with pytest.raises(SeemVideoError, match="prompt is on frame 99"):
            list(session.propagate())
        session.undo()
        session.add(Click(3, 3))
        with pytest.raises(SeemVideoError, match="ends before frame 50; start earlier"):
            list(session.propagate(start=50))
        assert not list(session.propagate(start=4, stop=2)), "as in range"
    with pytest.raises(SeemVideoError, match="give its frames to step"):
        next(VideoSession(model).propagate())


def test_backwards_a_prompt_on_a_frame_that_the_stride_leaves_out_is_said(model, folder: Path) -> None:
    with open_session(folder, model, stride=2) as session:
        session.add(MaskPrompt(_disc(5)), frame=5)
        with pytest.raises(SeemVideoError, match="prompt is on frame 5"):
            list(session.propagate(reverse=True))


def test_backwards_from_frame_0_is_one_frame(model, folder: Path) -> None:
    with open_session(folder, model) as session:
        session.add(MaskPrompt(_disc(0)))
        assert [result.index for result in session.propagate(reverse=True)] == [0]


def test_taking_back_an_objects_only_prompt_forgets_it_between_two_frames(model) -> None:
    session = VideoSession(model)
    session.add(MaskPrompt(_disc(0)), object_id=1)
    session.add(MaskPrompt(_disc(0, x0=100, y=20)), object_id=2)
    session.step(_frames()[0])
    session.undo()
    assert session.step(_frames()[1]).object_ids == (1,)


def test_all_objects_may_go_and_another_come(model) -> None:
    session = VideoSession(model)
    session.add(MaskPrompt(_disc(0)))
    session.step(_frames()[0])
    session.remove(1)
    assert session.step(_frames()[1]).masks.shape == (0, *SIZE)
    session.add(MaskPrompt(_disc(2)), object_id=2, frame=2)
    assert np.array_equal(session.step(_frames()[2]).masks[0], _disc(2))


def test_a_prompt_on_a_frame_that_was_stepped_through_is_refused_as_it_would_never_be_seen(model) -> None:
    session = VideoSession(model)
    session.add(Click(30, 48))
    session.step(_frames()[0])
    with pytest.raises(SeemVideoError, match="give the prompt on the next one, frame=1"):
        session.add(Click(100, 20), object_id=2)
    session.reset()
    session.add(Click(30, 48))


def test_a_step_takes_images_of_one_size_alone(model) -> None:
    frame = _frames()[0]
    session = VideoSession(model)
    session.add(Click(30, 48))
    for wrong in (frame[..., 0], frame / 255):
        with pytest.raises(SeemVideoError, match=r"Frame 0 is .* an image is uint8"):
            session.step(wrong)
    session.step(frame)
    with pytest.raises(SeemVideoError, match="Frame 1 is 64x48, but the first is 128x96"):
        session.step(frame[:48, :64])


def test_the_numbers_of_a_mask_are_object_ids_and_frames(model, folder: Path, tmp_path: Path) -> None:
    with open_session(folder, model, file=tmp_path / "work.seem") as session:
        ids = np.where(_disc(1), 7, 0).astype(np.uint8)
        session.add(MaskPrompt(ids == 7), object_id=ids.max(), frame=np.int64(1))
        assert next(session.propagate(start=1)).object_ids == (7,)
