"""Small videos of every sort, made on the spot, and results to write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from seem_video.io.frame import Frame
from seem_video.io.reader import open_reader
from seem_video.io.writer import ResultWriter
from seem_video.results import FrameResult

REAL_CLIPS = Path(__file__).parents[2] / "../shared/data/clips"
_SOUND_RATE = 48_000
_IDENTITY = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()


def real_clip(name: str) -> Path:
    path = REAL_CLIPS / name
    if not path.exists():
        pytest.skip(f"the real clip {name} is not beside this checkout")
    return path


def scene(frames: int = 12, height: int = 64, width: int = 96) -> npt.NDArray[np.uint8]:
    """Smooth colours with a bright disc that moves right, so that every frame and orientation is told apart."""
    y, x = np.mgrid[:height, :width]
    images = np.empty((frames, height, width, 3), np.uint8)
    for t, image in enumerate(images):
        image[..., 0], image[..., 1], image[..., 2] = 40 + x, 60 + y, 120
        image[(y - height / 3) ** 2 + (x - 12 - 4 * t) ** 2 < (height / 5) ** 2] = (230, 200, 40)
    return images


def write_video(
    path: Path,
    images: npt.NDArray[np.uint8],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
    sound: str | None = None,
    color: tuple[int, int] | None = None,
) -> Path:
    """Writes images as a video.

    Args:
        times: presentation times in units of `time_base`; evenly, from 0, unless given.
        sound: codec of a sound track as long as the picture, which becomes stream 0.
        color: the matrix and the range of the coded colours, by swscale's and H.273's numbers.
    """
    if codec not in av.codecs_available:
        pytest.skip(f"this build of PyAV has no {codec}")
    with av.open(str(path), "w", options=dict(container_options or {})) as container:
        track = container.add_stream(sound, rate=_SOUND_RATE) if sound else None
        stream = container.add_stream(codec, rate=25, options=dict(options or {}))
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = pix_fmt
        stream.time_base = stream.codec_context.time_base = time_base
        if color:
            stream.codec_context.colorspace, stream.codec_context.color_range = color
        if track:
            _write_tone(container, track, len(images) / 25)
        for time, image in zip(times or range(len(images)), images, strict=True):
            picture = av.VideoFrame.from_ndarray(image, format="rgb24")
            if color:
                picture = picture.reformat(format=pix_fmt, dst_colorspace=color[0], dst_color_range=color[1])
            picture.pts, picture.time_base = time, time_base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """Writes a second of sound without a picture."""
    with av.open(str(path), "w") as container:
        _write_tone(container, container.add_stream("aac", rate=_SOUND_RATE), 1)
    return path


def _write_tone(container: av.container.OutputContainer, track: av.AudioStream, duration_s: float) -> None:
    track.codec_context.layout = "mono"
    tone = (np.sin(np.arange(int(duration_s * _SOUND_RATE)) / 20) * 9000).astype(np.int16)
    for begin in range(0, len(tone), 1024):
        sound = av.AudioFrame.from_ndarray(tone[None, begin : begin + 1024], format="s16", layout="mono")
        sound.rate, sound.pts, sound.time_base = _SOUND_RATE, begin, Fraction(1, _SOUND_RATE)
        container.mux(track.encode(sound))
    container.mux(track.encode(None))


def turn(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Writes the display matrix ((a, b), (c, d)) into an mp4's track header, as phones do."""
    a, b, c, d = (n << 16 for n in matrix)
    turned = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    data = path.read_bytes()
    at = data.index(_IDENTITY, data.index(b"tkhd"))
    path.write_bytes(data[:at] + turned + data[at + len(turned) :])
    return path


def result_of(frame: Frame, objects: int = 1, label: str = "") -> FrameResult:
    """Squares as masks, one below the other; the last object is not visible on odd frames."""
    height, width = frame.image.shape[:2]
    masks = np.zeros((objects, height, width), bool)
    for k, mask in enumerate(masks):
        if not (k == objects - 1 and frame.index % 2):
            mask[10 * k + 2 : 10 * k + 10, 5:25] = True
    ids = tuple(range(1, objects + 1))
    labels = tuple(label or str(i) for i in ids)
    return FrameResult(
        frame.index, frame.time_s, frame.pts, frame.image, ids, masks, np.full(objects, 0.9, np.float32), labels
    )


def write_results(
    out: Path, save: str, source: Any, objects: int = 2, label: str = "", **span: int
) -> tuple[Path, list[FrameResult]]:
    """Writes the squares of `result_of` as one kind of output; returns its path and the results."""
    with open_reader(source, **span) as reader, ResultWriter(out, reader.info, save=[save]) as writer:
        results = [result_of(frame, objects, label) for frame in reader]
        for result in results:
            writer.write(result)
        (path,) = writer.finish()
    return path, results


def packets(path: Path, kind: str) -> list[bytes]:
    """The packets of a file's first stream of a kind."""
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [bytes(packet) for packet in container.demux(stream) if packet.size]
