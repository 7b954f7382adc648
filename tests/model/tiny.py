"""Released models of tiny sizes, and their golden files in the layout that `tools/check_parity.py` reads.

Run as a script, this writes `golden/tiny_*.npz` anew, from the code as it is. The files in the repository were written
when the same code agreed with the published code's own outputs at full size, case by case; they guard that state.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from seem_video.model.backbone.davit import DaViT, DaViTConfig
from seem_video.model.backbone.focal import FocalConfig, FocalNet
from seem_video.model.backbone.sam_vit import SamViT, SamViTConfig
from seem_video.model.deformable import DeformableConfig, DeformablePixelDecoder
from seem_video.model.fpn import PyramidConfig, TransformerPyramid
from seem_video.model.point_sampler import PointSampler
from seem_video.model.query_decoder import INTERFACES, QueryDecoder, QueryDecoderConfig
from seem_video.model.released import ReleasedSEEM
from seem_video.model.released_keys import published_name
from seem_video.model.text import TextConfig, TextEncoder

GOLDEN = Path(__file__).parent / "golden"
TOOLS = Path(__file__).parents[2] / "tools"
DIM, QUERIES, MEMORIES, LAYERS, VOCABULARY, CONTEXT = 64, 6, 4, 3, 40, 12
INTERFACE_OF = {"tiny_focal": "v0", "tiny_sam": "v1", "tiny_davit": "demo"}


def tiny(name: str, *, vocabulary: int = VOCABULARY, context: int = CONTEXT) -> ReleasedSEEM:
    """One of the tiny models, without weights."""
    with torch.device("meta"):
        backbone, pixel_decoder = _image_side(name)
        decoder = QueryDecoderConfig(DIM, layers=LAYERS, heads=8, ffn_dim=96, queries=QUERIES, memories=MEMORIES)
        return ReleasedSEEM(
            backbone,
            pixel_decoder,
            PointSampler(DIM, levels=3),
            QueryDecoder(decoder, INTERFACES[INTERFACE_OF[name]]),
            TextEncoder(TextConfig(DIM, heads=1, layers=2, context=context, vocabulary=vocabulary)),
        )


def _image_side(name: str) -> tuple[nn.Module, nn.Module]:
    backbone: FocalNet | DaViT | SamViT
    if name == "tiny_focal":
        backbone = FocalNet(FocalConfig((16, 24, 32, 40), (1, 1, 2, 1), (3, 5), depthwise=True))
        return backbone, TransformerPyramid(PyramidConfig(DIM, 2, 8, 96), backbone.channels)
    if name == "tiny_davit":
        backbone = DaViT(DaViTConfig((32, 32, 64, 64), (1, 1, 1, 1)))
        return backbone, TransformerPyramid(PyramidConfig(DIM, 1, 8, 96), backbone.channels)
    backbone = SamViT(SamViTConfig(32, heads=2, grid=5, windows=(3, 0), neck=(32, 32, 32, 64)))
    return backbone, DeformablePixelDecoder(DeformableConfig(DIM, 2, 8, 96, points=2), backbone.channels)


def write_manifest(name: str, folder: Path) -> Path:
    """Write the manifest of a tiny model, its checksum computed by the filler."""
    from golden import Manifest, checksum, fill_tensor

    shapes = {published_name(key): tuple(value.shape) for key, value in tiny(name).state_dict().items()}
    shapes["dilation_kernel"] = (1, 1, 3, 3)
    total = checksum({key: fill_tensor(key, shape) for key, shape in shapes.items()})
    entries = [{"key": key, "shape": shape, "dtype": "float32", "kind": "param"} for key, shape in shapes.items()]
    path = folder / f"{name}.manifest.json"
    path.write_text(json.dumps({"entries": entries, "fill_checksum_crc32xor": f"{total:08x}"}))
    assert Manifest.read(path).shapes == shapes
    return path


def filled(name: str, **text: int) -> dict[str, torch.Tensor]:
    """Synthetic tensors of a tiny model by their published names, as a checkpoint has them."""
    from golden import fill_tensor

    state = tiny(name, **text).state_dict()
    keys = {published_name(key): tuple(value.shape) for key, value in state.items()}
    return {key: torch.from_numpy(np.asarray(fill_tensor(key, shape))) for key, shape in keys.items()}


KEPT = ("res5", "ms1", "mask_features", "class_emb", "emb", "similarity", "attn_bits", "final_bits", "layer_logits",
        "pred_smaskembs", "pred_gtexts", "pred_pspatials", "pred_nvisuals", "src_spatial_queries1",
        "src_visual_queries1")  # fmt: skip
STRIDES = {"img1/mask_features": [1, 16, 4, 4], "img2/mask_features": [1, 16, 4, 4], "img1/ms1": [1, 4, 1, 1]}


def _inputs(name: str) -> dict[str, Any]:
    random = np.random.default_rng(sum(name.encode()))
    arrays: dict[str, Any] = {"in/img1": random.integers(0, 256, (64, 64, 3), dtype=np.uint8)}
    arrays["in/img2"] = np.flip(arrays["in/img1"], axis=1)[:60, :52].copy()
    for i in (1, 2):
        arrays[f"img{i}/padded_hw"] = np.array([64, 64])
    for points, items, count in [
        ("one_pos", 1, 5), ("one_neg", 1, 3), ("two_pos", 2, 8), ("two_neg", 1, 3),
        ("two_pos_r2", 2, 10), ("two_neg_r2", 2, 5), ("ref_pos", 1, 6), ("ref_neg", 1, 3),
    ]:  # fmt: skip
        rows = {(i % items, *random.integers(0, 64, 2).tolist()) for i in range(count)}
        arrays[f"in/pts/{points}"] = np.array(sorted(rows), np.int32)
    ids = random.integers(1, VOCABULARY - 1, (3, CONTEXT))
    lengths = np.array([4, 7, 9])
    ids[np.arange(CONTEXT) >= lengths[:, None] - 1] = VOCABULARY - 1
    arrays["in/text_ids"], arrays["in/text_mask"] = ids, (np.arange(CONTEXT) < lengths[:, None]).astype(int)
    arrays["in/cls_ids"] = np.stack([ids, ids[::-1]], axis=1)
    if INTERFACE_OF[name] != "v1":
        return arrays
    for case, items in {"spatial_one": 1, "spatial_one_round2": 1, "spatial_two": 2, "spatial_two_round2": 2}.items():
        arrays[f"case/{case}/query_draw"] = random.integers(0, QUERIES, 3 * items)
    arrays["case/spatial_two_round2/memory_draw"] = np.sort(random.integers(0, 2, (LAYERS, MEMORIES)), axis=1)
    return arrays


def _record(name: str) -> None:
    """Compare with an archive that takes every output it is asked for as the expected one, and keep it."""
    import check_parity
    from golden import Golden, Manifest

    class Recorder(Golden):
        def __init__(self) -> None:
            self._arrays = _inputs(name)
            self.meta = {"interface": INTERFACE_OF[name], "strides": STRIDES}

        def __contains__(self, key: object) -> bool:
            unselected = "/seg/" in str(key) or "/grounding_batch/" in str(key)
            wanted = str(key).endswith(KEPT) and not (unselected and str(key).endswith("similarity"))
            return key in self._arrays or wanted

        def names(self, prefix: str) -> list[str]:
            return ["output"] if prefix != "case/" else []

        def blocked(self, key: str) -> None:
            return None

        def pair(self, key: str, computed: Any) -> tuple[Any, Any]:
            step = tuple(slice(None, None, s) for s in STRIDES.get(key, ()))
            self._arrays[key] = computed[step].copy()
            return self._arrays[key], self._arrays[key]

    recorder = Recorder()
    with torch.inference_mode():
        found = list(check_parity.findings(Manifest.read(write_manifest(name, Path("/tmp"))), recorder))
    assert all(finding.passed for finding in found)
    np.savez_compressed(GOLDEN / f"{name}.npz", meta=json.dumps(recorder.meta), **recorder._arrays)


if __name__ == "__main__":
    sys.path.insert(0, str(TOOLS))
    for name in INTERFACE_OF:
        _record(name)
