"""The job of `seem-video segment`: an image or a folder of them in, overlays, masks and JSON out."""

from __future__ import annotations

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
from seem_video.io.staging import Staged
from seem_video.io.writer import ResultWriter
from seem_video.prompts import Prompt, PromptEntry, place, read_mask
from seem_video.results import FrameResult

if TYPE_CHECKING:
    from seem_video.segmentation import ImageSegmenter, Segment

DEFAULT_MODEL = "seem-focalt-v1"
_LARGEST_ID = 255


def segment(
    source: str | Path,
    *,
    out: str | Path,
    prompts: Iterable[Prompt | PromptEntry] = (),
    text: Sequence[str] = (),
    reference: tuple[str | Path, str | Path] | None = None,
    labels: str | None = None,
    model: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    overwrite: bool = False,
) -> list[Path]:
    """Segment an image, or every image of a folder, and write `overlay.png`, `masks/` and `masks.json` of each.

    Args:
        source: an image, or a folder of images, each of which gets a folder of its own name in `out`.
        out: the folder to write into, created where it is missing.
        prompts, text, reference: what to look for; nothing of them for everything, with labels. `reference` is another
            image and the file of a mask of the object in it.
        labels: names separated by commas or a `.txt` file of them, for everything; None for COCO's.
        model: name or file of a released model, to be loaded on `device`.
        overwrite: write into a folder that is not empty.

    Returns:
        the files and folders written.

    Raises:
        SeemVideoError: whatever a user can get wrong.
    """
    # Here, not above: PyTorch takes seconds to import, and words that cannot be read should not wait for it.
    from seem_video.model.checkpoints import load_model
    from seem_video.model.released import ReleasedSEEM
    from seem_video.model.vocabulary import COCO, Vocabulary
    from seem_video.segmentation import ImageSegmenter

    images = _images(Path(source))
    known = COCO if labels is None else Vocabulary.of(labels)
    example = _reference(*reference) if reference else None
    loaded = load_model(model, device=device)
    if not isinstance(loaded, ReleasedSEEM):
        raise SeemVideoError(f"{model} has no text encoder and names nothing; use a released model: {DEFAULT_MODEL}.")
    segmenter, entries, written = ImageSegmenter(loaded, known), list(prompts), []
    for path in images:
        folder = Path(out) / path.stem if Path(source).is_dir() else Path(out)
        with open_reader(path) as reader:
            placed = place(entries, reader, 0)[0] if entries else []
            frame = next(iter(reader))
            result = _result(frame, _segments(segmenter, frame, placed, text, example), placed)
            with ResultWriter(folder, reader.info, save=("masks", "rle"), overwrite=overwrite) as writer:
                writer.write(result)
                written += [*writer.finish(), _write_overlay(folder, result, placed)]
    return written


def _images(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    files = sorted((p for p in source.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES), key=natural_key)
    if not files:
        raise SeemVideoError(f"'{source}' holds no image; give an image or a folder of them.")
    return files


def _reference(image: str | Path, mask: str | Path) -> tuple[Frame, list[Prompt]]:
    with open_reader(image) as reader:
        return next(iter(reader)), [prompt for _, prompt in read_mask(Path(mask))]


def _segments(
    segmenter: ImageSegmenter,
    frame: Frame,
    placed: Sequence[PromptEntry],
    text: Sequence[str],
    example: tuple[Frame, list[Prompt]] | None,
) -> list[Segment]:
    if not placed and not text and example is None:
        return segmenter.everything(frame.image)
    given: dict[int, list[Prompt]] = {}
    for entry in placed:
        given.setdefault(entry.object_id, []).append(entry.prompt)
    reference = (example[0].image, example[1]) if example else None
    return segmenter.prompted(frame.image, dict(sorted(given.items())), text=text, reference=reference)


def _result(frame: Frame, segments: Sequence[Segment], placed: Sequence[PromptEntry]) -> FrameResult:
    """Segments as a result without overlap: a pixel goes to the one of the highest score; at most 255 are kept."""
    given = sorted({entry.object_id for entry in placed})
    kept = sorted(segments, key=lambda segment: -segment.score)[:_LARGEST_ID] if not given else list(segments)
    masks = np.zeros((len(kept), *frame.image.shape[:2]), bool)
    taken = np.zeros(frame.image.shape[:2], bool)
    for i in sorted(range(len(kept)), key=lambda i: -kept[i].score):
        masks[i] = kept[i].mask & ~taken
        taken |= kept[i].mask
    return FrameResult(
        index=frame.index,
        time_s=frame.time_s,
        pts=frame.pts,
        image=frame.image,
        object_ids=tuple(given or range(1, len(kept) + 1)),
        masks=masks,
        scores=np.array([segment.score for segment in kept], np.float32),
        labels=tuple(segment.label for segment in kept),
    )


def _write_overlay(folder: Path, result: FrameResult, placed: Sequence[PromptEntry]) -> Path:
    staged = Staged(folder, "overlay.png")
    _, encoded = cv2.imencode(".png", cv2.cvtColor(draw_overlay(result, placed), cv2.COLOR_RGB2BGR))
    staged.part.write_bytes(encoded.tobytes())
    return staged.publish()
