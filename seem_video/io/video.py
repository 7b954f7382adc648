"""Video files through PyAV: lazily forwards, and exactly backwards and at any index."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from seem_video.errors import SeemVideoError
from seem_video.io.frame import ASSUMED_FPS, MOST_PIXELS, ColorTags, Frame, SourceInfo, SourceKind
from seem_video.io.pixels import RgbConverter, display_orientation, rotation
from seem_video.io.reader import SpanReader
from seem_video.io.sound import sound_tracks
from seem_video.io.staging import reason

_NOT_PICTURES = ("tty",)  # FFmpeg draws text files as terminal screens
_BACKWARD_BYTES = 128 * 2**20  # how much of decoded pictures is held to hand them out in reverse
_BACKWARD_PICTURES = 8  # at least so many, however large
_CAMERA_PAUSE_S = 0.002
_INCOMPLETE = "the data of a frame is incomplete"
STALLED = "nothing more came"
"""What is said of a source that delivers nothing for too long."""
_MISSING_TAIL_S = 1.0  # what a file must lack of the duration it claims to count as cut off


class Decoding:
    """One pass over the packets of a video from where it is opened, or from a seek, to its end.

    Attributes:
        damage: what was found wrong with the data so far; None while all is well.
        failure: why reading ended before the end; None while it has not.
        arrived_s: when the packet came in that is being decoded, by `time.perf_counter`.
        is_avi: whether times are those of an AVI. It has none of presentation: its pictures take, in order of display,
            the times at which packets are decoded. That needs every picture from the first on, so there is no seeking.
    """

    def __init__(
        self, address: Any, name: str, *, live: bool = False, patience_s: float | None = None, **options: Any
    ) -> None:
        """Opens an address, or an object with `read`.

        Args:
            live: each picture is wanted at once, before the next comes.
            patience_s: how long nothing may come until that is the end; None for ever.
            options: as for `open_container`.
        """
        self.name = name
        self.container = open_container(address, name, timeout=patience_s, **options)
        pictures = [
            s
            for s in self.container.streams.video
            if s.codec_context is not None and not s.disposition & Disposition.attached_pic  # a cover picture
        ]
        if not pictures or self.container.format.name in _NOT_PICTURES:
            found = "sound but no picture" if self.container.streams.audio else "no picture"
            self.container.close()
            raise SeemVideoError(f"'{name}' has {found} that can be decoded; give a video.")
        self.stream = pictures[0]
        context = self.stream.codec_context
        if context.width * context.height > MOST_PIXELS:
            self.container.close()
            raise SeemVideoError(
                f"'{name}' claims frames of {context.width}x{context.height}, more than can be held; "
                "check that it is whole, or scale it down."
            )
        self.stream.thread_type = "SLICE" if live else "AUTO"  # frame threads hold back as many pictures as they are
        context.options = {"max_pixels": str(MOST_PIXELS)}  # frames may grow midway
        self.damage: str | None = None
        self.failure: str | None = None
        self.arrived_s = 0.0
        self._patience_s = patience_s or math.inf
        self._packets = 0
        self.is_avi = self.container.format.name == "avi"
        self._borrows = "v4l2" in self.container.format.name  # its packets lie in the driver's memory
        self._decoding_times: deque[int | None] = deque()
        self._end_s = 0.0

    def close(self) -> None:
        if self._borrows:  # or FFmpeg returns what it has read ahead to a driver that it has closed, and crashes
            self._borrows = False
            with suppress(av.FFmpegError, StopIteration):
                while True:
                    next(self.container.demux())
        self.container.close()

    def seek(self, timestamp: int) -> None:
        self.container.seek(timestamp, stream=self.stream)

    def pictures(self) -> Iterator[av.VideoFrame]:
        """Yields what decodes, in order of display, passing over what is damaged."""
        for packet in self._own_packets():
            if packet is not None and packet.is_corrupt:
                self._note(_INCOMPLETE)
                continue
            if self.is_avi and packet is not None and packet.size:
                self._decoding_times.append(packet.dts)
            try:
                pictures = self.stream.decode(packet)
            except av.FFmpegError as error:
                self._note(f"a frame cannot be decoded ({reason(error)})")
                continue
            for picture in pictures:
                if self.is_avi:
                    picture.pts = self._decoding_times.popleft() if self._decoding_times else None
                if picture.is_corrupt:
                    self._note("a frame decodes only in part")
                else:
                    yield picture
        self._note_missing_end()

    def _own_packets(self) -> Iterator[av.Packet | None]:
        """Yields the packets of the picture, keeping account of where all streams end; None where reading fails."""
        packets = self.container.demux()
        asked_s = time.perf_counter()
        while True:
            failure = None
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.BlockingIOError:  # a camera between two frames
                if time.perf_counter() - asked_s < self._patience_s:
                    time.sleep(_CAMERA_PAUSE_S)
                    packets = self.container.demux()
                    continue
                failure = STALLED
            except av.ExitError:
                failure = STALLED
            except (av.FFmpegError, OSError) as error:
                failure = f"reading failed ({reason(error)})"
            if failure:
                self._fail(failure)
                yield None
                return
            self.arrived_s = time.perf_counter()
            if packet.pts is not None:
                self._end_s = max(self._end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if self._borrows:
                if not packet.size:
                    self._note(_INCOMPLETE)
                    continue
                packet, packets = _copied(packet), self.container.demux()  # the old one holds on to its packet
            if packet.stream is self.stream:
                self._packets += packet.size > 0
                yield packet
            asked_s = time.perf_counter()

    def _fail(self, why: str) -> None:
        self.failure = why
        self._note(why)

    def _note(self, damage: str) -> None:
        self.damage = self.damage or damage

    def _note_missing_end(self) -> None:
        if self._packets < self.stream.frames:
            self._note(f"the file claims {self.stream.frames} frames")
        elif self.container.duration is not None:
            claimed = ((self.container.start_time or 0) + self.container.duration) / av.time_base
            if claimed - self._end_s > _MISSING_TAIL_S:
                self._note(f"the file claims to last until {claimed:.2f}s")


class VideoReader(SpanReader):
    """A video file, decoded by PyAV.

    Backwards and at an index, the frames are those of a forward pass by construction: that pass notes every frame's
    timestamp and which frames are key frames, as far as it has come; a later one seeks to the key frame before what is
    wanted, recognises it by its timestamp and counts on from there. What is read at an index stays open until `close`,
    so that a frame a little later is a few pictures away.
    """

    def __init__(self, path: Path, span: range) -> None:
        with closing(Decoding(str(path), path.name)) as decoding:
            picture = next(decoding.pictures(), None)
            if picture is None:
                raise SeemVideoError(f"'{path}' holds no frame that can be decoded; check that it is whole.")
            super().__init__(describe(decoding, picture, "video", path), span)
        self._path = path
        self._rgb = RgbConverter(picture)
        self._timestamps: list[int | None] = []
        self._keys: list[int] = []
        self._onwards = self._from_before(0)
        self._passed = -1  # the picture that `_onwards` gave last

    def _forward(self, span: range) -> Iterator[Frame]:
        with closing(self._open()) as decoding:
            for index, picture in self._from_start(decoding):
                if index in span:
                    yield self._frame(index, picture)
                if index >= span[-1]:
                    return
            if decoding.damage:
                if not self._timestamps:
                    raise self._changed(0)
                last = len(self._timestamps) - 1
                at = seconds(self.info, last, self._timestamps[last])
                self.broken = f"'{self.info.name}' is damaged: {decoding.damage}; "
                self.broken += f"the last of the {last + 1} frames that decode is at {at:.2f}s."

    def read_at(self, index: int) -> Frame:
        self._reach(index)
        key = max(key for key in self._keys if key <= index)
        if not key <= self._passed < index:  # else going on from there is nearer
            self.close()
            self._onwards = self._from_before(index)
        for at, picture in self._onwards:
            self._passed = at
            if at == index:
                return self._frame(index, picture)
        self.close()
        raise self._changed(index)

    def close(self) -> None:
        self._onwards.close()
        self._passed = -1

    def reversed(self, start: int, stop: int = 0) -> Iterator[Frame]:
        self._reach(start)
        return self._backward(start, stop)

    def _backward(self, start: int, stop: int) -> Iterator[Frame]:
        size = self.info.width * self.info.height * 3  # of 4:2:0 at 16 bits; few are larger
        room = max(_BACKWARD_PICTURES, _BACKWARD_BYTES // size)
        while start >= stop:
            held: deque[tuple[int, av.VideoFrame]] = deque(maxlen=room)
            with closing(self._open()) as decoding:
                for index, picture in self._from_key(decoding, start):
                    held.append((index, picture))
                    if index == start:
                        break
            if not held or held[-1][0] != start:
                raise self._changed(start)
            start = held[0][0] - 1
            while held:
                index, picture = held.pop()
                if index >= stop and index in self._span:
                    yield self._frame(index, picture)

    def _open(self) -> Decoding:
        return Decoding(str(self._path), self.info.name)

    def _from_before(self, index: int) -> Generator[tuple[int, av.VideoFrame], None, None]:
        """Yields each picture with its index, from some key frame at or before `index` on."""
        with closing(self._open()) as decoding:
            yield from self._from_key(decoding, index)

    def _from_start(self, decoding: Decoding) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yields each picture with its index, and notes what is needed to find it again."""
        for index, picture in enumerate(decoding.pictures()):
            if index == len(self._timestamps):
                if index == 0 or (picture.key_frame and picture.pts is not None and not decoding.is_avi):
                    self._keys.append(index)
                self._timestamps.append(picture.pts)
            yield index, picture

    def _from_key(self, decoding: Decoding, index: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yields each picture with its index from some key frame at or before `index` on."""
        for key in (key for key in reversed(self._keys) if 0 < key <= index):
            timestamp = self._timestamps[key]
            assert timestamp is not None
            decoding.seek(timestamp)
            pictures = decoding.pictures()
            first = next((p for p in pictures if (p.pts or 0) >= timestamp), None)
            if first is not None and first.pts == timestamp:
                yield key, first
                yield from enumerate(pictures, key + 1)
                return
        with closing(self._open()) as fresh:
            yield from enumerate(fresh.pictures())

    def _reach(self, index: int) -> None:
        """Sees to it that everything up to frame `index` is noted."""
        known = len(self._timestamps)
        if not 0 <= index < known:
            far = max(index + 1, 2 * known)  # so that one frame after another does not begin anew for each
            with closing(self._open()) as decoding:
                deque(islice(self._from_start(decoding), far), maxlen=0)
        if not 0 <= index < len(self._timestamps):
            raise self._no_frame(index, len(self._timestamps))

    def _changed(self, index: int) -> SeemVideoError:
        return SeemVideoError(
            f"Frame {index} of '{self.info.name}' cannot be read again; the file is damaged, or has changed."
        )

    def _frame(self, index: int, picture: av.VideoFrame) -> Frame:
        timestamp = self._timestamps[index]
        return Frame(index, seconds(self.info, index, timestamp), timestamp, self._rgb(picture))


def open_container(
    address: Any, name: str, *, advice: str = "check the path and its permissions", **options: Any
) -> av.container.InputContainer:
    """Opens a file, device, stream or object with `read`.

    Args:
        advice: what a user is told to do where the system refuses.
        options: as for `av.open`.

    Raises:
        SeemVideoError: it is not there, or nothing that FFmpeg can read.
    """
    try:
        return av.open(address, metadata_errors="replace", **options)
    except (av.InvalidDataError, av.EOFError):
        raise SeemVideoError(
            f"'{name}' cannot be read as a video: it is none, or was cut off before its index was written; "
            "check that it plays elsewhere."
        ) from None
    except av.ExitError:
        raise SeemVideoError(f"'{name}' delivers nothing; check that it is running.") from None
    except (av.FFmpegError, OSError) as error:
        raise SeemVideoError(f"'{name}' cannot be opened ({reason(error)}); {advice}.") from None


def describe(decoding: Decoding, picture: av.VideoFrame, kind: SourceKind, path: Path | None) -> SourceInfo:
    """What the headers and the first picture say of a video."""
    stream, context = decoding.stream, decoding.stream.codec_context
    orientation = display_orientation(picture)
    width, height = picture.width, picture.height
    aspect = _fraction(context.sample_aspect_ratio) or Fraction(1)
    if orientation[0]:
        width, height, aspect = height, width, 1 / aspect
    rate, time_base = _fraction(stream.average_rate), _fraction(stream.time_base)
    duration = decoding.container.duration / av.time_base if decoding.container.duration else None
    if stream.duration and time_base:
        duration = float(stream.duration * time_base)
    return SourceInfo(
        name=decoding.name,
        kind=kind,
        width=width,
        height=height,
        fps=float(rate) if rate else None,
        frames=stream.frames or None,
        duration_s=duration,
        codec=context.name,
        pix_fmt=picture.format.name,
        rotation=rotation(orientation),
        has_audio=bool(sound_tracks(decoding.container)),
        path=path,
        time_base=time_base,
        color=ColorTags(*(int(tag) for tag in (context.colorspace, context.color_primaries, context.color_trc))),
        pixel_aspect=aspect,
    )


def seconds(info: SourceInfo, index: int, timestamp: int | None) -> float:
    """The time of a frame; by the average rate where it has no timestamp."""
    if timestamp is None or info.time_base is None:
        return index / (info.fps or ASSUMED_FPS)
    return float(timestamp * info.time_base)


def _copied(packet: av.Packet) -> av.Packet:
    """The same packet in memory of its own, which stays when the source is closed."""
    copy = av.Packet(bytes(packet))
    copy.pts, copy.dts, copy.time_base, copy.stream = packet.pts, packet.dts, packet.time_base, packet.stream
    return copy


def _fraction(ratio: Any) -> Fraction | None:
    return Fraction(ratio.numerator, ratio.denominator) if ratio else None
