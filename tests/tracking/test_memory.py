"""The memory bank: its bound is what keeps long videos from running out of memory."""

from dataclasses import replace
from math import prod

import torch

from seem_video.model.config import MemoryConfig
from seem_video.model.visual_sampler import PromptTokens
from seem_video.model.windows import Window
from seem_video.tracking.memory import MemoryBank

CONFIG = MemoryConfig(key_dim=4, value_dim=6, every=5, recent=3, prompted=2)


def _remember(bank: MemoryBank, index: int, *, first: frozenset[int] = frozenset(), prompted: bool = False) -> None:
    count = len(bank.object_ids)
    bank.remember_pixels(
        index,
        torch.full((1, 4, 2, 2), float(index)),
        torch.full((count, 6, 2, 2), float(index)),
        torch.full((count, 2, 2), index / 10),
        torch.ones(count).bool(),
        first_prompted=first,
        prompted=prompted,
    )


def test_first_prompted_and_newest_frames_stay_and_the_rest_goes() -> None:
    bank = MemoryBank(CONFIG)
    bank.add_objects([1])
    _remember(bank, 0, first=frozenset({1}), prompted=True)
    for index in range(1, 40):
        _remember(bank, index, prompted=index in (7, 8, 9))
    assert bank.frames() == [0, 8, 9, 37, 38, 39]


def test_a_bank_that_keeps_no_recent_frames_keeps_none() -> None:
    bank = MemoryBank(replace(CONFIG, recent=0))
    bank.add_objects([1])
    _remember(bank, 0, first=frozenset({1}), prompted=True)
    for index in range(1, 9):
        _remember(bank, index)
    assert bank.frames() == [0]


def test_removing_an_object_lets_its_frames_go_and_leaves_the_others_alone() -> None:
    bank = MemoryBank(CONFIG)
    bank.add_objects([1])
    _remember(bank, 0, first=frozenset({1}), prompted=True)
    bank.add_objects([2])
    _remember(bank, 1, first=frozenset({2}), prompted=True)
    bank.remove_object(1)
    assert bank.object_ids == [2]
    assert bank.frames() == [1]
    assert torch.allclose(bank.read(torch.ones(1, 4, 2, 2)), torch.ones(1, 6, 2, 2))


def test_an_object_reads_nothing_from_frames_before_it_was_known() -> None:
    bank = MemoryBank(CONFIG)
    bank.add_objects([1])
    _remember(bank, 0, first=frozenset({1}), prompted=True)
    bank.add_objects([2])
    _remember(bank, 1, first=frozenset({2}), prompted=True)
    read = bank.read(torch.zeros(1, 4, 2, 2))  # looks like frame 0 to the affinity
    assert read[0].mean() < 0.5
    assert torch.allclose(read[1], torch.ones(6, 2, 2))


def test_the_memory_is_read_in_windows_and_tells_where_it_finds_an_object() -> None:
    torch.manual_seed(0)
    bank = MemoryBank(CONFIG)
    bank.add_objects([1, 2])
    shares = torch.zeros(2, 4, 6)
    shares[0, 1, 2], shares[1, 3, 5] = 1.0, 0.5
    looks, ones = 6 * torch.randn(1, 4, 4, 6), torch.ones(2).bool()
    bank.remember_pixels(0, looks, torch.randn(2, 6, 4, 6), shares, ones, first_prompted=frozenset({1}), prompted=True)
    moved = looks.roll(1, dims=3)  # everything is a cell farther right
    windows = [Window(slice(0, 4), slice(2, 4)), Window(slice(1, 3), slice(0, 6))]
    read, whole = bank.read(moved, windows), bank.read(moved)
    assert read.shape == whole.shape == (2, 6, 4, 6)
    for i, window in enumerate(windows):
        assert torch.allclose(window.cut(read[i], 16), window.cut(whole[i], 16), atol=1e-5)
        assert (read[i] == 0).sum() == 6 * (24 - prod(window.size))
    assert torch.allclose(bank.find(moved, [1, 0]), shares[[1, 0]].roll(1, dims=2), atol=0.05)


def _tokens(value: float, valid: list[bool]) -> PromptTokens:
    mask = torch.tensor(valid)[:, None]
    return PromptTokens([torch.full((len(valid), 1, 4), value)], mask, mask)


def test_reference_prompts_stay_and_memory_prompts_follow_unless_the_mask_is_gone() -> None:
    bank = MemoryBank(CONFIG)
    bank.add_objects([1, 2])
    bank.remember_prompts(0, _tokens(1.0, [True, True]), torch.tensor([True, True]))
    bank.remember_prompts(3, _tokens(2.0, [True, False]), torch.tensor([False, False]))
    levels = bank.tokens().levels[0][..., 0]
    assert levels.tolist() == [[1.0, 2.0], [1.0, 1.0]]
    assert bank.prompt_frames() == [0, 3]
