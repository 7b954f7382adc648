"""Time a released model on one frame, stage by stage: `benchmark_released.py MODEL [--precision bf16] [--objects 10]`.

MODEL is a name or file that `load_model` takes, or a `.manifest.json`, whose network is then filled with synthetic
weights: what they compute is nonsense, how long it takes is not. Prints the median of several runs, in seconds.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from golden import Manifest

from seem_video.model.architecture import build_filled
from seem_video.model.checkpoints import PRECISIONS, load_model, pick_device
from seem_video.model.picture import Picture
from seem_video.model.query_decoder import INTERFACES, Prompts
from seem_video.model.released import ReleasedSEEM
from seem_video.model.released_weights import need_released
from seem_video.model.search import find, read_prompts
from seem_video.prompts import Click, rasterise


@torch.inference_mode()
def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--size", default="512x896", help="height x width of the frame as the model sees it")
    parser.add_argument("--objects", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    model = _load(arguments.model, arguments.device)
    model.precision = PRECISIONS[arguments.precision]
    height, width = map(int, arguments.size.split("x"))
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    print(
        f"{arguments.model}, {width}x{height}, {arguments.precision}, {model.device}, {torch.get_num_threads()} threads"
    )
    for stage, run in _stages(model, image, arguments.objects).items():
        run()
        print(
            f"{stage:34s} {statistics.median(_seconds(run, model) for _ in range(arguments.runs)):8.3f} s", flush=True
        )
    print(f"{'peak memory':34s} {_peak_mb(model):8.0f} MB")


def _stages(model: ReleasedSEEM, image: np.ndarray, objects: int) -> dict[str, Callable[[], object]]:
    height, width = image.shape[:2]
    pixels = model.pad(model.normalise(torch.from_numpy(image).to(model.device).permute(2, 0, 1)[None].float()))
    half = torch.autocast(model.device.type, model.precision, enabled=model.precision != torch.float32)
    with half:
        maps = model.backbone(pixels)
    picture = Picture.encode(model, image)
    places = np.random.default_rng(1).integers(0, (width, height), (objects, 2)).tolist()
    wanted = read_prompts(picture, [rasterise([Click(x, y)], height, width) for x, y in places])
    previous = find(picture, wanted).logits
    return {
        "backbone": lambda: half(model.backbone)(pixels),
        "pixel decoder": lambda: half(model.pixel_decoder)(maps),
        "decoder, everything": lambda: model.decode(picture.features, picture.owner(1), Prompts()),
        f"decoder, {objects} clicked": lambda: find(picture, wanted),
        f"decoder, {objects} clicked, with memory": lambda: find(picture, wanted, previous),
    }


def _load(name: str, device: str) -> ReleasedSEEM:
    if not name.endswith(".manifest.json"):
        return need_released(load_model(name, device=device), "be timed here")
    tensors = {key: torch.from_numpy(np.asarray(value)) for key, value in Manifest.read(Path(name)).fill().items()}
    return build_filled(tensors, INTERFACES["v0"]).to(pick_device(device)).to(memory_format=torch.channels_last)


def _seconds(run: Callable[[], object], model: ReleasedSEEM) -> float:
    begun = time.perf_counter()
    run()
    if model.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def _peak_mb(model: ReleasedSEEM) -> float:
    if model.device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    main()
