"""Interactive segmentation of images: how many clicks of a robot user until the mask is good enough.

The protocol is that of Xu et al., "Deep Interactive Object Selection" (CVPR 2016), as later papers report it: the next
click goes to the middle of the largest error, NoC@85 and NoC@90 are the mean number of clicks to reach that IoU, and
an object that is not there after 20 clicks counts as 20.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import seem_video
from seem_video.errors import SeemVideoError
from seem_video.evaluation.labels import VOID, read_labels
from seem_video.evaluation.prompts import Correction, correction_click
from seem_video.evaluation.scores import write_whole
from seem_video.io.images import IMAGE_SUFFIXES, natural_key
from seem_video.prompts import Click

if TYPE_CHECKING:
    from seem_video.tracking.propagation import VideoModel

MAX_CLICKS = 20
TARGETS = (0.85, 0.90)
_REPORTED_CLICKS = (1, 2, 3, 5, 10, 20)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """One object of one image, and the IoU after each click; clicking ends once the highest target is reached."""

    image: str
    object_id: int
    ious: tuple[float, ...]

    def clicks_to(self, target: float) -> int:
        """Clicks until the IoU is at least `target`; `MAX_CLICKS` where it never is."""
        return next((n for n, iou in enumerate(self.ious, start=1) if iou >= target), MAX_CLICKS)

    def iou_after(self, clicks: int) -> float:
        """IoU after that many clicks; a case that ended earlier keeps its last."""
        return self.ious[min(clicks, len(self.ious)) - 1]


@dataclass(frozen=True)
class InteractiveScores:
    """The cases of a folder of images and the numbers papers print."""

    cases: tuple[Case, ...]

    def noc(self, target: float) -> float:
        """NoC: the mean number of clicks to reach an IoU."""
        return float(np.mean([case.clicks_to(target) for case in self.cases]))

    def failures(self, target: float) -> int:
        """How many cases do not reach an IoU within 20 clicks."""
        return sum(max(case.ious) < target for case in self.cases)

    def mean_iou(self, clicks: int) -> float:
        """mIoU@k: the mean IoU after k clicks."""
        return float(np.mean([case.iou_after(clicks) for case in self.cases]))

    def as_dict(self) -> dict[str, Any]:
        return {
            "cases": len(self.cases),
            **{f"NoC@{100 * t:.0f}": self.noc(t) for t in TARGETS},
            **{f"failures@{100 * t:.0f}": self.failures(t) for t in TARGETS},
            **{f"mIoU@{k}": self.mean_iou(k) for k in _REPORTED_CLICKS},
        }


def run_interactive(
    images: str | Path,
    masks: str | Path,
    out: str | Path,
    *,
    model: str | Path = "seem-nano",
    device: str = "auto",
    on_case: Callable[[Case, int, int], None] = lambda case, done, total: None,
) -> InteractiveScores:
    """Clicks every object of every image in a folder, and writes `out/interactive.json`.

    `masks` holds a PNG of the same stem for each image of `images`: ids, one case an id, with 255 as ignored pixels;
    or 0 and 255 only, one object. `on_case` hears of each case, how many images are done and how many there are.
    Raises SeemVideoError where folders are empty or do not match, and for a mask of another size than its image.
    """
    pairs = _pairs(Path(images), Path(masks))
    loaded = seem_video.load_model(model, device=device)
    cases = []
    for done, (image_path, mask_path) in enumerate(pairs, start=1):
        for case in _image_cases(image_path, mask_path, loaded):
            cases.append(case)
            on_case(case, done, len(pairs))
    if not cases:
        raise SeemVideoError(f"The masks in {masks} hold no object; a mask marks its objects with ids above 0.")
    scores = InteractiveScores(tuple(cases))
    content = {"model": str(model), **scores.as_dict(), "per_case": [asdict(case) for case in cases]}
    write_whole(Path(out) / "interactive.json", json.dumps(content) + "\n")
    return scores


def click_until_good(
    image: npt.NDArray[np.uint8], truth: Mask, model: VideoModel, void: Mask | None = None
) -> list[float]:
    """IoU after each click on one object of an image (H, W, 3) uint8; `void` pixels, (H, W) bool, count for nothing."""
    ious: list[float] = []
    clicked: list[Correction] = []
    prediction = np.zeros_like(truth)
    with seem_video.open_session([image], model) as session:
        while len(ious) < MAX_CLICKS and (not ious or ious[-1] < max(TARGETS)):
            correction = correction_click(truth, prediction, clicked)
            if correction is None:
                break
            clicked.append(correction)
            session.add(Click(*correction))
            prediction = next(iter(session.propagate())).masks[0]
            prediction = prediction if void is None else prediction & ~void
            ious.append(float(np.count_nonzero(truth & prediction) / np.count_nonzero(truth | prediction)))
    return ious


def _image_cases(image_path: Path, mask_path: Path, model: VideoModel) -> Iterator[Case]:
    with seem_video.open_reader(image_path) as reader:
        image = reader.read_at(0).image
    labels = read_labels(mask_path)
    if labels.shape != image.shape[:2]:
        raise SeemVideoError(
            f"{mask_path} is {labels.shape[1]}x{labels.shape[0]} and its image {image.shape[1]}x{image.shape[0]};"
            " give masks of the images' sizes."
        )
    ids = [int(i) for i in np.unique(labels) if i]
    binary = ids == [VOID]
    void = None if binary else labels == VOID
    for i in ids:
        if binary or i != VOID:
            yield Case(image_path.name, i, tuple(click_until_good(image, labels == i, model, void)))


def _pairs(images: Path, masks: Path) -> list[tuple[Path, Path]]:
    for folder in (images, masks):
        if not folder.is_dir():
            raise SeemVideoError(f"{folder} is not a folder; give a folder of images and one of PNG masks.")
    found = sorted((p for p in images.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES), key=natural_key)
    if not found:
        raise SeemVideoError(f"{images} holds no image; give the folder that the images lie in.")
    for path in found:
        if not (masks / f"{path.stem}.png").is_file():
            raise SeemVideoError(f"{path.name} has no mask {masks / f'{path.stem}.png'}; every image needs one.")
    return [(path, masks / f"{path.stem}.png") for path in found]
