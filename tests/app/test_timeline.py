"""The timeline shows where each object is sure, doubtful and not yet tracked."""

from seem_video.app.timeline import draw_timeline

COLORS = {1: (128, 0, 0), 2: (0, 128, 0)}


def test_a_doubtful_frame_is_amber_even_in_a_long_clip():
    scores = {frame: {1: 0.9, 2: 0.9} for frame in range(3000)}
    assert "#f5a623" not in draw_timeline(scores, COLORS, 3000, 0)
    scores[1234] = {1: 0.9, 2: 0.3}
    drawn = draw_timeline(scores, COLORS, 3000, 0)
    assert drawn.count("#f5a623") == 1
    assert drawn.count("<rect") < 600, "a long clip makes no larger page"


def test_what_is_not_tracked_has_no_bar():
    assert draw_timeline({}, {1: (128, 0, 0)}, 10, 0).count("<rect") == 1
    assert draw_timeline({frame: {1: 0.9} for frame in range(3, 7)}, {1: (128, 0, 0)}, 10, 0).count("<rect") == 5
    assert draw_timeline({}, {}, 10, 0) == ""
