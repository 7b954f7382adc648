"""Ids come out of a PNG as they went in, whatever its form; a wrong pixel would be a wrong score."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from seem_video.errors import SeemVideoError
from seem_video.evaluation.labels import read_labels, write_labels

label_maps = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=40))


@settings(deadline=None)  # a busy machine is no failure
@given(label_maps)
def test_ids_survive_a_round_trip_and_pillow_agrees(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("labels") / "00000.png"
    write_labels(path, labels)
    assert np.array_equal(read_labels(path), labels)
    assert np.array_equal(np.asarray(Image.open(path)), labels)


@pytest.mark.parametrize("mode", ["P", "L", "I;16", "1"])
def test_every_form_of_png_gives_its_stored_values(mode, tmp_path):
    ids = np.arange(12, dtype=np.uint8).reshape(3, 4) % 2
    Image.fromarray(ids.astype({"I;16": np.uint16, "1": bool}.get(mode, np.uint8))).convert(mode).save(
        tmp_path / "0.png"
    )
    assert np.array_equal(read_labels(tmp_path / "0.png"), ids)


def test_a_file_cut_short_is_refused(tmp_path):
    path = tmp_path / "s" / "00003.png"
    path.parent.mkdir()
    write_labels(path, np.random.default_rng(0).integers(0, 9, (40, 50), dtype=np.uint8))
    for kept in (0, 20, 300, 700):
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(SeemVideoError, match=r"Sequence s, frame 00003.*not a readable PNG"):
            read_labels(path)
        write_labels(path, np.random.default_rng(0).integers(0, 9, (40, 50), dtype=np.uint8))
