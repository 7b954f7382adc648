"""Several objects at once, on clips with exact truth: cut-outs of stills that move over another still.

    python tools/benchmark_objects.py --stills DATA/train_stills/coco_small [--clips 20] [--model FILE]

Crossing: two copies of one cut-out pass in front of each other, beside other objects; afterwards each mask should still
lie on its own. Absence: an object leaves the picture and comes back; its mask should empty soon, and find it again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.progress import track as progress
from rich.table import Table

from seem_video import MaskPrompt, load_model
from seem_video.evaluation.metrics import region_similarity
from seem_video.terminal import run
from seem_video.tracking.session import VideoSession
from seem_video.training.sources import Still, read_stills

SIZE = (352, 480)
FRAMES = 40
GONE, BACK = 14, 26
"""The absent object has left the picture at frame GONE and is whole again at frame BACK."""
EMPTY_WITHIN = FOUND_WITHIN = 5
FOUND_IOU = 0.5

Pixels = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class CutOut:
    """An object of a still: (h, w, 3) RGB and its (h, w) bool mask."""

    image: Pixels
    mask: Masks


@dataclass(frozen=True)
class Scene:
    """A clip: T frames (H, W, 3) and true masks (T, K, H, W); objects do not overlap, the later one is in front."""

    frames: list[Pixels]
    truth: Masks


def cut_out(still: Still, rng: np.random.Generator, height: int) -> CutOut | None:
    """One of a still's objects, scaled to a height in pixels; None if it is too thin or cut by the border."""
    image, mask = still.read()
    inside = mask == rng.choice(still.ids)
    rows, columns = (np.nonzero(inside.any(axis))[0] for axis in (1, 0))
    touches = rows[0] == 0 or columns[0] == 0 or rows[-1] == mask.shape[0] - 1 or columns[-1] == mask.shape[1] - 1
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inside, image = inside[box], image[box]
    width = round(height * inside.shape[1] / inside.shape[0])
    if touches or inside.mean() < 0.35 or not height / 2 <= width <= 1.5 * height:
        return None
    scaled = cv2.resize(inside.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    return CutOut(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8), scaled)


def compose(background: Pixels, layers: Sequence[tuple[CutOut, npt.NDArray[np.float64]]]) -> Scene:
    """Move cut-outs over a background; each has a path (T, 2) of its centre x, y in pixels."""
    height, width = background.shape[:2]
    count = len(layers[0][1])
    frames, truth = [], np.zeros((count, len(layers), height, width), bool)
    for t in range(count):
        frame = background.copy()
        for k, (layer, path) in enumerate(layers):
            h, w = layer.mask.shape
            x, y = np.round(path[t] - (w / 2, h / 2)).astype(int)
            x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
            if x0 >= x1 or y0 >= y1:
                continue
            seen = layer.mask[y0 - y : y1 - y, x0 - x : x1 - x]
            frame[y0:y1, x0:x1][seen] = layer.image[y0 - y : y1 - y, x0 - x : x1 - x][seen]
            truth[t, :, y0:y1, x0:x1][:, seen] = False
            truth[t, k, y0:y1, x0:x1][seen] = True
        frames.append(frame)
    return Scene(frames, truth)


def crossing_scene(stills: Sequence[Still], rng: np.random.Generator, objects: int) -> Scene:
    """Two look-alikes swap sides, one passing in front of the other; the other objects stay near the border."""
    height, width = SIZE
    twin = _draw(stills, rng, height // 4)
    across = np.linspace(0.2, 0.8, FRAMES)
    layers = [
        (twin, np.stack([width * across, np.full(FRAMES, height * 0.45)], axis=1)),
        (twin, np.stack([width * across[::-1], np.full(FRAMES, height * 0.55)], axis=1)),
    ]
    for spot in [(0.15, 0.15), (0.85, 0.85), (0.85, 0.15)][: objects - 2]:
        drift = np.cumsum(rng.normal(0, 1.0, (FRAMES, 2)), axis=0)
        layers.append((_draw(stills, rng, height // 5), np.array(spot) * (width, height) + drift))
    return compose(_background(stills, rng), layers)


def absence_scene(stills: Sequence[Still], rng: np.random.Generator) -> Scene:
    """One object leaves to the right and comes back; another one stays."""
    height, width = SIZE
    leaving = _draw(stills, rng, height // 3)
    outside = width + leaving.mask.shape[1] / 2 + 1
    inside = width * 0.55
    x = np.interp(np.arange(FRAMES), [0, GONE, BACK - 6, BACK, FRAMES], [inside, outside, outside, inside, inside])
    staying = _draw(stills, rng, height // 4)
    stay = np.array([width * 0.2, height * 0.5]) + np.cumsum(rng.normal(0, 1.0, (FRAMES, 2)), axis=0)
    layers = [(leaving, np.stack([x, np.full(FRAMES, height * 0.5)], axis=1)), (staying, stay)]
    return compose(_background(stills, rng), layers)


def follow(model: object, scene: Scene) -> Masks:
    """Masks (T, K, H, W) from the true masks of the first frame."""
    session = VideoSession(model)  # type: ignore[arg-type]
    for k, mask in enumerate(scene.truth[0], start=1):
        session.add(MaskPrompt(mask), object_id=k)
    return np.stack([session.step(frame).masks for frame in scene.frames])


def keeps_identities(masks: Masks, truth: Masks) -> bool:
    """Whether each mask of a frame (K, H, W) overlaps its own object, and that more than any other one."""
    overlap = np.array([[region_similarity(other, mask) for other in truth] for mask in masks])
    return bool((overlap.argmax(1) == np.arange(len(masks))).all() and (overlap.diagonal() > 0).all())


def empties(masks: Masks) -> bool:
    """Whether the mask (T, H, W) of an object gone from frame GONE on is empty after EMPTY_WITHIN frames."""
    return not masks[GONE + EMPTY_WITHIN : BACK - 6].any()


def is_found(masks: Masks, truth: Masks) -> bool:
    """Whether an object (T, H, W) is found again within FOUND_WITHIN frames of being back."""
    span = range(BACK, BACK + FOUND_WITHIN + 1)
    return any(region_similarity(truth[t], masks[t]) >= FOUND_IOU for t in span)


def _draw(stills: Sequence[Still], rng: np.random.Generator, height: int) -> CutOut:
    while True:
        layer = cut_out(stills[int(rng.integers(len(stills)))], rng, height)
        if layer is not None:
            return layer


def _background(stills: Sequence[Still], rng: np.random.Generator) -> Pixels:
    image, _ = stills[int(rng.integers(len(stills)))].read()
    return cv2.resize(image, SIZE[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)


def main(
    stills: Annotated[Path, typer.Option(help="A folder with index.jsonl, or a COCO instances json.")],
    clips: Annotated[int, typer.Option(min=1, help="Clips of each kind.")] = 20,
    model: Annotated[str, typer.Option(help="A model's name or file.")] = "seem-nano",
    seed: Annotated[int, typer.Option(help="Of the clips.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print the shares of clips in which identities hold, masks empty and objects are found again."""
    found, loaded = read_stills(stills), load_model(model)
    shares: dict[str, float] = {}
    for objects in (2, 3, 5):
        kept = []
        for i in progress(range(clips), f"{objects} objects cross", transient=True):
            scene = crossing_scene(found, np.random.default_rng([seed, objects, i]), objects)
            kept.append(keeps_identities(follow(loaded, scene)[-1], scene.truth[-1]))
        shares[f"identities kept, {objects} objects"] = float(np.mean(kept))
    emptied, found_again = [], []
    for i in progress(range(clips), "An object leaves", transient=True):
        scene = absence_scene(found, np.random.default_rng([seed, 1, i]))
        masks = follow(loaded, scene)
        emptied.append(empties(masks[:, 0]))
        found_again.append(is_found(masks[:, 0], scene.truth[:, 0]))
    shares |= {"mask empty after leaving": float(np.mean(emptied)), "found again": float(np.mean(found_again))}
    if as_json:
        print(json.dumps(shares, indent=2))
        return
    table = Table("What", f"Share of {clips} clips", box=None, pad_edge=False)
    for name, share in shares.items():
        table.add_row(name, f"{100 * share:.0f} %")
    Console().print(table)


if __name__ == "__main__":
    run(main)
