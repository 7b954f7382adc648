"""Interactive segmentation of images: how many clicks of a robot user until the mask is good enough.

The protocol is that of Xu et al., "Deep Interactive Object Selection" (CVPR 2016), as later papers report it: the next
click goes to the middle of the largest error, NoC@85 and NoC@90 are the mean number of clicks to reach that IoU, and
an object that is not there after 20 clicks counts as 20.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import seem_video
from seem_video.errors import SeemVideoError
from seem_video.evaluation.clicks import MAX_CLICKS, TARGETS, Start, click_until_good
from seem_video.evaluation.provenance import Provenance, provenance, read_run
from seem_video.evaluation.scores import write_whole
from seem_video.evaluation.stills import Still, find_stills

if TYPE_CHECKING:
    from seem_video.tracking.propagation import VideoModel

SIZES = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, float("inf"))}
"""COCO's classes of objects by their area in pixels, from and below."""
_REPORTED_CLICKS = (1, 2, 3, 5, 10, 20)


@dataclass(frozen=True)
class Case:
    """One object of one image, its area in pixels, and the IoU after each click until the highest target is reached."""

    image: str
    object_id: int
    area: int
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

    def of_size(self, size: str) -> InteractiveScores:
        """The cases of one of `SIZES`."""
        least, below = SIZES[size]
        return InteractiveScores(tuple(case for case in self.cases if least <= case.area < below))

    def as_dict(self) -> dict[str, float]:
        """The measures; only the number of cases where there is none."""
        if not self.cases:
            return {"cases": 0}
        return {
            "cases": len(self.cases),
            **{f"NoC@{100 * t:.0f}": self.noc(t) for t in TARGETS},
            **{f"failures@{100 * t:.0f}": self.failures(t) for t in TARGETS},
            **{f"mIoU@{k}": self.mean_iou(k) for k in _REPORTED_CLICKS},
        }

    def by_size(self) -> dict[str, dict[str, float]]:
        """The measures of all cases, and of those of each size."""
        return {"all": self.as_dict(), **{size: self.of_size(size).as_dict() for size in SIZES}}


@dataclass(frozen=True)
class InteractiveSettings(Provenance):
    """All that decides a run's clicks; init: what each object begins with; images: the names of those clicked."""

    init: str
    images: tuple[str, ...]


def run_interactive(
    folders: Sequence[tuple[str | Path, str | Path]],
    out: str | Path,
    *,
    init: Start = "click",
    held_out: bool = False,
    model: str | Path = "seem-nano",
    device: str = "auto",
    on_image: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> InteractiveScores:
    """Clicks every object of every image in some folders, and writes `out/interactive.json`.

    `folders` are pairs of images and masks as in `stills.py`, counted together; with `held_out` only the images kept
    from training are clicked. With `init="box"` the object's tight box takes the place of the first click.
    `out/run.json` says what the run was made with and `out/cases/<image>.json` holds what is done: an interrupted run
    goes on with the images that are missing, and a folder made by another model or from other data is refused.
    `on_image` hears of each image, how many are done and how many there are. Raises SeemVideoError where the folders
    are empty or do not match, and for a mask of another size than its image.
    """
    out = Path(out)
    stills = find_stills([(Path(images), Path(masks)) for images, masks in folders], held_out=held_out)
    loaded = seem_video.load_model(model, device=device)
    names = tuple(still.name for still in stills)
    files = ((path.name, path) for still in stills for path in (still.image, still.mask))
    settings = InteractiveSettings(**asdict(provenance(model, loaded, files)), init=init, images=names)
    if read_run(out, settings) is None:
        write_whole(out / "run.json", json.dumps({"settings": asdict(settings)}, indent=1) + "\n")
    cases: list[Case] = []
    for done, still in enumerate(stills, start=1):
        cases += _finished(_cases_file(out, still)) or _click_image(still, loaded, init, out)
        on_image(still.name, done, len(stills))
    if not cases:
        where = " and ".join(str(masks) for _, masks in folders)
        raise SeemVideoError(f"The masks in {where} hold no object; a mask marks its objects with ids above 0.")
    scores = InteractiveScores(tuple(cases))
    content = {"model": str(model), **scores.by_size(), "per_case": [asdict(case) for case in cases]}
    write_whole(out / "interactive.json", json.dumps(content) + "\n")
    return scores


def _click_image(still: Still, model: VideoModel, init: Start, out: Path) -> list[Case]:
    from seem_video.tracking.still import StillImage

    annotated = still.read()
    ious = click_until_good(StillImage(model, annotated.image), annotated, init) if annotated.objects else {}
    cases = [Case(still.name, i, int(annotated.objects[i].sum()), tuple(values)) for i, values in ious.items()]
    write_whole(_cases_file(out, still), json.dumps([asdict(case) for case in cases]) + "\n")
    return cases


def _cases_file(out: Path, still: Still) -> Path:
    return out / "cases" / f"{still.name}.json"


def _finished(path: Path) -> list[Case]:
    """The cases of an image that was done before; none where it was not."""
    try:
        return [Case(**case | {"ious": tuple(case["ious"])}) for case in json.loads(path.read_text())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError):
        raise SeemVideoError(f"{path} is no file of cases of seem-video; remove it and run again.") from None
