"""A piece far from the rest of an object is dropped, if the object was not in such pieces when it was prompted."""

import torch

from seem_video.tracking.pieces import drop_strays, spread

LOW = -12.0


def _mask(*columns: slice) -> torch.Tensor:
    """Pieces of ten rows in these columns."""
    mask = torch.zeros(30, 60, dtype=torch.bool)
    for each in columns:
        mask[10:20, each] = True
    return mask


def _logits(mask: torch.Tensor) -> torch.Tensor:
    return torch.where(mask, 4.0, -4.0)


def _after(mask: torch.Tensor, known: float) -> torch.Tensor:
    logits = _logits(mask)[None]
    drop_strays(logits, [known], LOW)
    return logits[0]


def test_a_piece_half_the_size_of_the_largest_away_is_dropped_and_nearer_ones_stay() -> None:
    body, near, far = slice(5, 15), slice(18, 20), slice(30, 34)
    logits = _after(_mask(body, near, far), 0.0)
    assert torch.equal(logits > 0, _mask(body, near))
    assert (logits[_mask(far)] == LOW).all()
    assert torch.equal(logits[~_mask(far)], torch.where(_mask(body, near), 4.0, -4.0)[~_mask(far)])


def test_an_object_in_far_pieces_when_prompted_keeps_pieces_as_far() -> None:
    pieces = _mask(slice(5, 15), slice(30, 34))
    known = spread(_logits(pieces))
    assert known == 1.6  # 16 columns, of a piece whose side is 10
    assert torch.equal(_after(pieces, known) > 0, pieces)
    assert torch.equal(_after(_mask(slice(5, 15), slice(45, 49)), known) > 0, _mask(slice(5, 15)))


def test_a_piece_that_unsure_cells_link_to_the_largest_stays() -> None:
    pieces, middle = _mask(slice(5, 15), slice(30, 34)), _mask(slice(15, 30))
    logits = _logits(pieces).masked_fill(middle, -1.0)[None]
    drop_strays(logits, [0.0], LOW)
    assert torch.equal(logits[0] > 0, pieces)


def test_objects_are_apart_and_one_without_a_mask_has_no_pieces() -> None:
    assert spread(_logits(_mask())) == spread(_logits(_mask(slice(5, 15)))) == 0.0
    logits = torch.stack([_logits(_mask()), _logits(_mask(slice(0, 4), slice(50, 60)))])
    drop_strays(logits, [0.0, 0.0], LOW)
    assert not (logits[0] > 0).any()
    assert torch.equal(logits[1] > 0, _mask(slice(50, 60)))
