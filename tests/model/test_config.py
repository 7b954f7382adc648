"""A model's yaml: what is wrong in it is said by name."""

from pathlib import Path

import pytest

from seem_video.errors import SeemVideoError
from seem_video.model.config import dump_config, load_config, parse_config

CONFIG = Path(__file__).parents[2] / "configs/seem-nano.yaml"


def test_the_shipped_config_survives_a_round_trip() -> None:
    config = load_config(CONFIG)
    assert parse_config(dump_config(config), origin="dump") == config


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [("  mask_dim:", "  mask_dims:", "mask_dim"), ("name: seem-nano", "nom: seem-nano", "name")],
)
def test_a_misspelt_setting_is_named(old: str, new: str, named: str) -> None:
    text = CONFIG.read_text().replace(old, new, 1)
    with pytest.raises(SeemVideoError, match=f"missing {named};"):
        parse_config(text, origin="here.yaml")


def test_a_document_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(SeemVideoError, match="expected a mapping"):
        parse_config("- 1\n- 2\n", origin="here.yaml")
