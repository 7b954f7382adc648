"""Further outputs from the masks of an earlier run, without tracking again."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from seem_video.errors import SeemVideoError
from seem_video.io.reader import open_reader
from seem_video.io.stored import read_masks
from seem_video.io.writer import FILES, ResultWriter
from seem_video.results import FrameResult


def export(
    results: str | Path,
    source: str | Path,
    *,
    save: Collection[str],
    out: str | Path | None = None,
    overwrite: bool = False,
    on_frame: Callable[[FrameResult, int | None], None] | None = None,
) -> tuple[Path, ...]:
    """Writes outputs from the `masks.json` of a result folder and the source that was tracked.

    Args:
        results: the folder of a tracking run that saved "rle".
        source: the source of that run.
        save: which outputs to write, of `seem_video.io.writer.FILES`; prompts are not drawn in them.
        out: the folder to write into; None for `results`.
        overwrite: replace those outputs that are there already.
        on_frame: called after each frame with its result and the number of frames.

    Returns:
        the paths of the outputs.

    Raises:
        SeemVideoError: there are no masks, the source is not theirs, or an output is there already.
    """
    stored = read_masks(Path(results))
    folder = Path(results if out is None else out)
    _refuse_to_replace(folder, save, overwrite)
    if not stored.frames:
        return ()
    first, last = min(stored.frames), max(stored.frames)
    found = 0
    with (
        open_reader(source, start=first, stop=last + 1) as reader,
        ResultWriter(folder, reader.info, save=save, overwrite=True) as writer,
    ):
        for frame in reader:
            if frame.index not in stored.frames:
                continue
            result = stored.result(frame)
            writer.write(result)
            found += 1
            if on_frame:
                on_frame(result, len(stored.frames))
        if found < len(stored.frames):
            raise SeemVideoError(
                f"'{source}' lacks some of the frames in '{stored.path}', which go up to {last}; "
                "give the source that was tracked."
            )
        return writer.finish()


def _refuse_to_replace(folder: Path, save: Collection[str], overwrite: bool) -> None:
    there = [FILES[name] for name in save if name in FILES and (folder / FILES[name]).exists()]
    if there and not overwrite:
        raise SeemVideoError(f"'{folder}' has {', '.join(there)} already; add --overwrite (overwrite=True) to replace.")
