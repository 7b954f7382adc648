"""The page is for this machine alone, unless a password is asked for."""

from collections.abc import Callable

import pytest
from helpers import Finished

from seem_video.app.serve import check_access
from seem_video.errors import SeemVideoError


def test_others_need_a_password():
    assert check_access("127.0.0.1", None) is None
    assert check_access("0.0.0.0", "ann:a:b") == ("ann", "a:b")
    with pytest.raises(SeemVideoError, match="add --auth USER:PASSWORD"):
        check_access("0.0.0.0", None)


@pytest.mark.parametrize("auth", ["ann", "ann:", ":secret", ""])
def test_half_a_password_is_none(auth: str):
    with pytest.raises(SeemVideoError, match="with a colon between"):
        check_access("127.0.0.1", auth)


def test_the_command_ends_with_the_sentence(seem: Callable[..., Finished]):
    finished = seem("ui", "--host", "0.0.0.0")
    assert finished.code == 2
    assert "add --auth USER:PASSWORD" in finished.err
