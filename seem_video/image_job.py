"""The job of `seem-video segment`: an image or a folder of them in, overlays, masks and JSON out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seem_video.errors import SeemVideoError
from seem_video.io.frame import Frame
from seem_video.io.images import IMAGE_SUFFIXES, natural_key
from seem_video.io.overlay import draw_overlay
from seem_video.io.reader import open_reader
from seem_video.io.staging import Staged, failure
from seem_video.io.writer import ResultWriter
from seem_video.prompts import Prompt, PromptEntry, place
from seem_video.results import FrameResult

if TYPE_CHECKING:
    from seem_video.segmentation import Segment, Task

DEFAULT_MODEL = "seem-focalt-v1"
TASKS: tuple[Task, ...] = ("panoptic", "instance", "semantic")


def segment(
    source: str | Path,
    *,
    out: str | Path,
    prompts: Iterable[Prompt | PromptEntry] = (),
    labels: str | None = None,
    task: str | None = None,
    model: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    precision: str = "auto",
    overwrite: bool = False,
) -> list[Path]:
    """Segment an image, or every image of a folder, and write `overlay.png`, `masks/` and `masks.json` of each.

    Instances may overlap, so that they have no `masks/`.

    Args:
        source: an image, or a folder of images, each of which gets a folder of its own name in `out`.
        out: the folder to write into, created where it is missing.
        prompts: what to look for; none for everything, with labels.
        labels: names separated by commas or a `.txt` file of them; None for COCO's, by which everything is named, but
            not what is prompted.
        task: "panoptic" (None), "instance" or "semantic": the regions that everything consists of.
        model: name or file of a released model, to be loaded on `device`, to compute in `precision` (see `load_model`).
        overwrite: write into a folder that is not empty.

    Returns:
        the files and folders written.

    Raises:
        SeemVideoError: whatever a user can get wrong.
    """
    # Here, not above: PyTorch takes seconds to import, and words that cannot be read should not wait for it.
    from seem_video.model.checkpoints import load_model
    from seem_video.model.released_weights import need_released
    from seem_video.model.vocabulary import COCO, Vocabulary
    from seem_video.segmentation import ImageSegmenter

    entries = list(prompts)
    wanted_task = _check_task(task, entries)
    images = _images(Path(source), Path(out))
    known = COCO if labels is None else Vocabulary.of(labels)
    loaded = need_released(load_model(model, device=device, precision=precision), "segment images")
    segmenter = ImageSegmenter(loaded, known)
    written: list[Path] = []
    for folder, path in images.items():
        with open_reader(path, stop=1) as reader:
            placed = place(entries, reader, 0)[0] if entries else []
            frame = next(iter(reader))
            if placed:
                segments = segmenter.prompted(frame.image, _by_object(placed), classify=labels is not None)
            else:
                segments = segmenter.everything(frame.image, wanted_task)
            save = ("rle",) if wanted_task == "instance" else ("masks", "rle")
            result = _result(frame, segments, overlap="masks" not in save)
            with ResultWriter(folder, reader.info, save=save, overwrite=overwrite) as writer:
                writer.write(result)
                written += [*writer.finish(), _write_overlay(folder, result, placed)]
    return written


def _check_task(task: str | None, prompts: Sequence[object]) -> Task:
    if task and prompts:
        raise SeemVideoError(
            f"The task {task} is about everything in the image, and a prompt about one object; leave one of them out."
        )
    for known in TASKS:
        if known == (task or TASKS[0]):
            return known
    raise SeemVideoError(f"There is no task '{task}'; choose among {', '.join(TASKS)}.")


def _images(source: Path, out: Path) -> dict[Path, Path]:
    """The folder of the outputs of each image, and the image."""
    if not os.path.isdir(source):  # for a name too long for the disk, Path.is_dir raises
        return {out: source}
    images = (p for p in source.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.name[0] != "." and p.is_file())
    folders: dict[Path, Path] = {}
    for image in sorted(images, key=natural_key):
        other = folders.setdefault(out / image.stem, image)
        if other != image:
            raise SeemVideoError(
                f"Both '{other}' and '{image.name}' would be written into a folder '{image.stem}'; rename one of them."
            )
    if not folders:
        raise SeemVideoError(f"'{source}' holds no image; give an image or a folder of them.")
    return folders


def _by_object(placed: Sequence[PromptEntry]) -> dict[int, list[Prompt]]:
    given: dict[int, list[Prompt]] = {}
    for entry in placed:
        given.setdefault(entry.object_id, []).append(entry.prompt)
    return dict(sorted(given.items()))


def _result(frame: Frame, segments: Sequence[Segment], *, overlap: bool) -> FrameResult:
    """Segments as a result; unless they may overlap, a pixel goes to the one of the highest score."""
    masks = np.array([segment.mask for segment in segments], bool).reshape(-1, *frame.image.shape[:2])
    if not overlap:
        taken = np.zeros(frame.image.shape[:2], bool)
        for i in sorted(range(len(segments)), key=lambda i: -segments[i].score):
            masks[i] &= ~taken
            taken |= masks[i]
    return FrameResult(
        index=frame.index,
        time_s=frame.time_s,
        pts=frame.pts,
        image=frame.image,
        object_ids=tuple(segment.object_id for segment in segments),
        masks=masks,
        scores=np.array([segment.score for segment in segments], np.float32),
        labels=tuple(segment.label for segment in segments),
    )


def _write_overlay(folder: Path, result: FrameResult, placed: Sequence[PromptEntry]) -> Path:
    _, encoded = cv2.imencode(".png", cv2.cvtColor(draw_overlay(result, placed), cv2.COLOR_RGB2BGR))
    try:
        staged = Staged(folder, "overlay.png")
        staged.part.write_bytes(encoded.tobytes())
        return staged.publish()
    except OSError as error:
        raise failure(error, folder) from error
