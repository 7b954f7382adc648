"""Videos of every odd sort, small, and seeded ways to damage them; `fuzz.py` runs the reader on what comes out."""

import os
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from seem_video.io.reader import open_reader

Images = npt.NDArray[np.uint8]  # (T, H, W, 3) RGB
FRAMES, SIZE = 20, (96, 64)
_HDR = (9, 9, 16)  # BT.2020 matrix and primaries, PQ transfer, by H.273
_SOUND_RATE = 48_000
_HEADER_BYTES = 2048


@dataclass(frozen=True)
class Recipe:
    """A sort of video.

    Attributes:
        name: its file's name, whose suffix says the container.
        codec, pix_fmt, options: of the encoder.
        size: width and height in pixels; several are encoded one after the other into one stream.
        frames: how many at most, of each size.
        begin: timestamp of the first frame, in frames.
        tags: matrix, primaries and transfer of the colours, by H.273.
        sound: codec of a sound track.
        container: options of the muxer.
        patch: what is done to the file's bytes.
    """

    name: str
    codec: str
    pix_fmt: str = "yuv420p"
    size: Sequence[tuple[int, int]] = (SIZE,)
    frames: int = FRAMES
    begin: int = 0
    tags: tuple[int, int, int] | None = None
    sound: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    container: Mapping[str, str] = field(default_factory=dict)
    patch: Callable[[bytes], bytes] | None = None


def _after(tag: bytes, offset: int, value: bytes) -> Callable[[bytes], bytes]:
    """Puts bytes at an offset behind every occurrence of a tag."""

    def patch(data: bytes) -> bytes:
        head, *parts = data.split(tag)
        changed = [part[:offset] + value + part[offset + len(value) :] for part in parts]
        return tag.join([head, *changed])

    return patch


_QUARTER_TURN = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
_RESIZED = (SIZE, (64, 96), (160, 48))
_QUIET_X265 = {"x265-params": "log-level=none"}
_UNSHIFTED = {"avoid_negative_ts": "disabled"}

RECIPES = (
    Recipe("h264.mp4", "libx264", sound="aac"),
    Recipe("h264-bframes.mkv", "libx264", options={"bf": "3", "g": "8"}, sound="libopus"),
    Recipe("h264-fragments.mp4", "libx264", options={"g": "5"}, container={"movflags": "frag_keyframe+empty_moov"}),
    Recipe("h264.ts", "libx264", options={"g": "6"}, sound="mp2"),
    Recipe("h264.flv", "libx264"),
    Recipe("h264.avi", "libx264", options={"bf": "2"}),
    Recipe("hevc.mp4", "libx265", options=_QUIET_X265),
    Recipe("vp8.webm", "libvpx"),
    Recipe("vp9.webm", "libvpx-vp9"),
    Recipe("av1.mp4", "libsvtav1"),
    Recipe("mpeg4.avi", "mpeg4", options={"bf": "2"}, sound="mp2"),
    Recipe("mpeg2.mpg", "mpeg2video"),
    Recipe("mjpeg.mov", "mjpeg", "yuvj420p"),
    Recipe("prores.mov", "prores_ks", "yuv422p10le"),
    Recipe("ffv1.mkv", "ffv1"),
    Recipe("huffyuv.avi", "huffyuv", "yuv422p"),
    Recipe("wmv2.wmv", "wmv2"),
    Recipe("animation.gif", "gif", "rgb8"),
    Recipe("cinepak.avi", "cinepak", "rgb24", frames=4),
    Recipe("jpeg2000.mkv", "jpeg2000", "rgb24"),
    Recipe("svq1.mov", "svq1", "yuv410p"),
    Recipe("flv1.flv", "flv"),
    Recipe("h263.3gp", "h263", size=[(128, 96)]),
    Recipe("snow.avi", "snow", options={"strict": "-2"}),
    Recipe("zmbv.avi", "zmbv", "bgr0"),
    Recipe("raw.nut", "rawvideo"),
    Recipe("raw.y4m", "rawvideo"),
    Recipe("hdr10.mkv", "libx265", "yuv420p10le", tags=_HDR, options=_QUIET_X265),
    Recipe("hdr10.mp4", "libsvtav1", "yuv420p10le", tags=_HDR),
    Recipe("interlaced.mpg", "mpeg2video", options={"flags": "+ildct+ilme", "top": "1"}),
    Recipe("interlaced.mp4", "libx264", options={"flags": "+ildct+ilme"}),
    Recipe("alpha.webm", "libvpx-vp9", "yuva420p"),
    Recipe("alpha.mov", "qtrle", "argb"),
    Recipe("alpha-png.mov", "png", "rgba"),
    Recipe("one-pixel.mkv", "ffv1", "yuv444p", size=[(1, 1)]),
    Recipe("one-pixel.mp4", "libx264", "yuv444p", size=[(1, 1)]),
    Recipe("narrow.mp4", "libx264", size=[(2, 640)]),
    Recipe("8k.mp4", "libx264", size=[(7680, 4320)], frames=2, options={"preset": "ultrafast"}),
    Recipe("rotated.mp4", "libx264", patch=_after(b"tkhd", 44, _QUARTER_TURN)),
    Recipe("no-time-base.mp4", "libx264", patch=_after(b"mdhd", 12, bytes(4))),
    Recipe("no-clock.mp4", "libx264", patch=_after(b"mvhd", 12, bytes(4))),
    Recipe("no-durations.mp4", "libx264", patch=_after(b"stts", 12, bytes(4))),
    Recipe("no-rate.avi", "mpeg4", patch=_after(b"strh", 24, bytes(8))),
    Recipe("no-rate.mkv", "ffv1", patch=_after(b"\x2a\xd7\xb1\x83", 0, bytes(3))),
    Recipe("negative.mkv", "libx264", begin=-12, container=_UNSHIFTED),
    Recipe("negative.mp4", "libx264", begin=-30, container=_UNSHIFTED),
    Recipe("late.mkv", "libx264", begin=10**9),
    Recipe("resized.h264", "libx264", size=_RESIZED),
    Recipe("resized.ts", "mpeg2video", size=_RESIZED),
    Recipe("resized.mjpeg", "mjpeg", "yuvj420p", size=_RESIZED),
    Recipe("still.png", "png", "rgb24", frames=1, container={"update": "1"}),
    Recipe("still.jpg", "mjpeg", "yuvj420p", frames=1, container={"update": "1"}),
    Recipe("still.webp", "libwebp", frames=1),
    Recipe("still.tif", "tiff", "rgb24", frames=1, container={"update": "1"}),
    Recipe("still.bmp", "bmp", "bgr24", frames=1, container={"update": "1"}),
)


@dataclass(frozen=True)
class Sample:
    """A file of the corpus: its name, and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Case:
    """A sample as it is or damaged: its number, the file's name and bytes, and what was done to it."""

    number: int
    name: str
    data: bytes
    done: str


def build_corpus(clips: Iterable[Path], folder: Path) -> list[Sample]:
    """Encodes the first frames of the clips, scaled down, in every recipe whose encoder is there.

    Args:
        folder: where files may be made; nothing stays in it.
    """
    os.environ.setdefault("SVT_LOG", "-1")  # the encoder of AV1 talks otherwise
    contents = [_small(clip) for clip in clips]
    corpus = []
    for number, recipe in enumerate(recipe for recipe in RECIPES if recipe.codec in av.codecs_available):
        path = folder / recipe.name
        path.write_bytes(
            b"".join(_encode(path, contents[number % len(contents)], recipe, size) for size in recipe.size)
        )
        data = path.read_bytes()
        path.unlink()
        corpus.append(Sample(recipe.name, recipe.patch(data) if recipe.patch else data))
    return corpus


def make_case(corpus: Sequence[Sample], seed: int, number: int) -> Case:
    """Any sample, damaged in one to three ways; but the even numbers begin with all samples as they are, in order."""
    if number % 2 == 0 and number // 2 < len(corpus):
        whole = corpus[number // 2]
        return Case(number, whole.name, whole.data, "as it is")
    rng = np.random.default_rng([seed, number])
    sample = corpus[rng.integers(len(corpus))]
    ways = [_DAMAGES[i] for i in rng.integers(len(_DAMAGES), size=rng.integers(1, 4))]
    data = bytearray(sample.data)
    for damage in ways:
        data = damage(data, corpus[rng.integers(len(corpus))].data, rng) or bytearray(1)
    return Case(number, sample.name, bytes(data), ", ".join(damage.__name__.strip("_") for damage in ways))


def _small(clip: Path) -> Images:
    with open_reader(clip) as reader:
        frames = islice(reader, FRAMES)
        return np.stack([cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_AREA) for frame in frames])


def _encode(path: Path, images: Images, recipe: Recipe, size: tuple[int, int]) -> bytes:
    rate = Fraction(25)
    with av.open(str(path), "w", options=dict(recipe.container)) as container:
        stream = container.add_stream(recipe.codec, rate=rate, options={"threads": "1", **recipe.options})
        stream.width, stream.height = size
        stream.pix_fmt = recipe.pix_fmt
        stream.codec_context.time_base = 1 / rate
        if recipe.tags:
            context = stream.codec_context
            context.colorspace, context.color_primaries, context.color_trc = recipe.tags
        sound = container.add_stream(recipe.sound, rate=_SOUND_RATE, layout="mono") if recipe.sound else None
        for t, image in enumerate(images[: recipe.frames]):
            picture = av.VideoFrame.from_ndarray(np.asarray(cv2.resize(image, size), np.uint8), format="rgb24")
            picture.pts, picture.time_base = recipe.begin + t, 1 / rate
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        if sound:
            _encode_noise(container, sound, min(len(images), recipe.frames) / rate)
    return path.read_bytes()


def _encode_noise(container: av.container.OutputContainer, stream: av.AudioStream, duration_s: Fraction) -> None:
    noise = np.random.default_rng(0).integers(-9000, 9000, (1, int(duration_s * _SOUND_RATE)), np.int16)
    sound = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
    sound.rate, sound.pts = _SOUND_RATE, 0
    resampler = av.AudioResampler(stream.format, "mono", _SOUND_RATE, stream.codec_context.frame_size)
    for part in [*resampler.resample(sound), *resampler.resample(None)]:
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


# Ways to damage a file: its bytes, those of another one, and a generator, to other bytes.
_Bytes = bytearray


def _flip_bits(data: _Bytes, other: bytes, rng: np.random.Generator) -> _Bytes:
    return _flipped(data, len(data), rng)


def _flip_header_bits(data: _Bytes, other: bytes, rng: np.random.Generator) -> _Bytes:
    return _flipped(data, min(len(data), _HEADER_BYTES), rng)


def _flipped(data: _Bytes, among: int, rng: np.random.Generator) -> _Bytes:
    count = 1 + int(among * 10 ** rng.uniform(-6, -2))
    for at in rng.integers(among, size=count):
        data[at] ^= 1 << int(rng.integers(8))
    return data


def _cut_off(data: _Bytes, other: bytes, rng: np.random.Generator) -> _Bytes:
    return data[: int(rng.integers(len(data) + 1))]


def _cut_out(data: _Bytes, other: bytes, rng: np.random.Generator) -> _Bytes:
    begin, end = np.sort(rng.integers(len(data) + 1, size=2))
    return data[:begin] + data[end:]


def _double(data: _Bytes, other: bytes, rng: np.random.Generator) -> _Bytes:
    begin, end = np.sort(rng.integers(len(data) + 1, size=2))
    return data[:end] + data[begin:]


def _other_tail(data: _Bytes, other: bytes, rng: np.random.Generator) -> _Bytes:
    return data[: int(rng.integers(len(data) + 1))] + other[int(rng.integers(len(other) + 1)) :]


def _other_header(data: _Bytes, other: bytes, rng: np.random.Generator) -> _Bytes:
    length = int(rng.integers(min(len(data), len(other), _HEADER_BYTES) + 1))
    return _Bytes(other[:length]) + data[length:]


def _other_segment(data: _Bytes, other: bytes, rng: np.random.Generator) -> _Bytes:
    begin, end = np.sort(rng.integers(len(other) + 1, size=2))
    at = int(rng.integers(len(data) + 1))
    kept = at if rng.random() < 0.5 else at + int(end - begin)  # put in between, or in place of as much
    return data[:at] + other[begin:end] + data[kept:]


_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 16_384, 65_520, 2**31 - 1, 2**31, 2**32 - 1, 2**63)
_FIELDS = (
    *(b"mvhd", b"tkhd", b"mdhd", b"elst", b"stsd", b"stts", b"ctts", b"stsc", b"stsz", b"stco", b"stss", b"trun"),
    *(b"avc1", b"avcC", b"colr", b"avih", b"strh", b"strf", b"idx1", b"movi", b"IHDR", b"VP8 "),
    *(b"\xb0\x81", b"\xba\x81", b"\x23\xe3\x83", b"\x2a\xd7\xb1", b"\x44\x89", b"\xe7"),  # of Matroska
)


def _absurd_size(data: _Bytes, other: bytes, rng: np.random.Generator) -> _Bytes:
    """Where the picture's width or height is written as a number, in whatever way, another one."""
    spots = []
    for value in SIZE:
        for form in ("<H", ">H", "<I", ">I"):
            coded = struct.pack(form, value)
            at = data.find(coded)
            while 0 <= at < len(data):
                spots.append((at, form))
                at = data.find(coded, at + 1)
    for at, form in [spots[i] for i in rng.integers(len(spots), size=rng.integers(1, 4))] if spots else ():
        most = 2**16 if form[1] == "H" else 2**32
        data[at : at + struct.calcsize(form)] = struct.pack(form, _EXTREMES[rng.integers(len(_EXTREMES))] % most)
    return data


def _absurd_field(data: _Bytes, other: bytes, rng: np.random.Generator) -> _Bytes:
    """Behind one of the tags that containers and codecs have, an extreme number of one to eight bytes."""
    tags = [tag for tag in _FIELDS if tag in data]
    if not tags:
        return data
    at = data.find(tags[rng.integers(len(tags))]) + 3 + int(rng.integers(48))
    size = int(2 ** rng.integers(4))
    value = _EXTREMES[rng.integers(len(_EXTREMES))] % 2 ** (8 * size)
    data[at : at + size] = value.to_bytes(size, "big" if rng.random() < 0.5 else "little")
    return data


_DAMAGES = (
    _flip_bits,
    _flip_header_bits,
    _cut_off,
    _cut_out,
    _double,
    _other_tail,
    _other_header,
    _other_segment,
    _absurd_size,
    _absurd_field,
)
