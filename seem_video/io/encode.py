"""The overlay video: frames encoded as they come, then joined with the source's sound into one mp4.

While frames come they go into a fragmented mp4 without sound, which plays whenever writing stops, be it for want of
room. At the end its packets are copied into the mp4 proper, index first, so that a browser can start at once.
"""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import VideoReformatter

from seem_video.io.frame import ASSUMED_FPS, ColorTags, SourceInfo
from seem_video.io.sound import Sound
from seem_video.io.staging import Staged, remove
from seem_video.results import FrameResult

_CLOCK = Fraction(1, 90_000)  # for sources without timestamps; divides 24, 25, 30, 50 and 60 frames a second
_X264 = {"preset": "veryfast", "crf": "20", "bf": "0"}  # without B frames, packets come out in order of display
_FRAGMENT_S = 2  # a key frame, and with it a fragment on disk, at least every so many seconds
_BT601 = ColorTags(matrix=6, primaries=6, transfer=6)
_BT709 = ColorTags(matrix=1, primaries=1, transfer=1)
_HD_HEIGHT = 720
_LIMITED_RANGE, _FULL_RANGE = 1, 2
_SWS_MATRICES = {1: 1, 4: 4, 7: 7, 9: 9, 10: 9}  # H.273 matrix -> swscale's; BT.601 for the rest, as in reading
_SWS_BT601 = 5


class OverlayVideo:
    """Writes drawn frames as H.264 in yuv420p with the frame times, the colour tags and the sound of the source."""

    def __init__(self, out: Path, info: SourceInfo) -> None:
        self.staged = Staged(out, "overlay.mp4")
        self._fragments = out / ".overlay.frames.mp4.part"
        self._info = info
        self._time_base = info.time_base or _CLOCK
        self._first_index: int | None = None
        self._first = self._last = 0  # times of the first and the last frame, in units of the time base
        self._step = max(1, round(1 / _rate(info) / self._time_base))  # how long the last one is shown
        self._joined = False
        self._tags = color_tags(info)
        options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
        self._container: av.container.OutputContainer | None = av.open(
            str(self._fragments), "w", format="mp4", options=options
        )
        self._stream = self._add_h264(self._container)
        self._to_yuv = VideoReformatter()

    def write(self, result: FrameResult, drawn: npt.NDArray[np.uint8] | None) -> None:
        assert drawn is not None
        time = result.pts if self._info.time_base is not None else None
        if time is None:
            time = round(result.time_s / self._time_base)
        if self._first_index is None:
            self._first_index, self._first = result.index, time
        else:
            time = max(time, self._last + 1)  # an mp4 holds no two frames of the same time
            self._step = time - self._last
        self._last = time
        picture = self._to_picture(drawn)
        picture.pts = time - self._first
        picture.time_base = self._time_base
        assert self._container is not None
        self._container.mux(self._stream.encode(picture))

    def close(self) -> bool:
        self._close_fragments()
        if self._first_index is not None and not self._joined:
            self._join()
            self._joined = True
        remove(self._fragments)
        return self._joined

    def salvage(self) -> bool:
        try:
            return self.close()
        except (OSError, av.FFmpegError):  # no room for a second copy: the first one plays as well, without sound
            self._fragments.replace(self.staged.part)
            return self._first_index is not None

    def _add_h264(self, container: av.container.OutputContainer) -> av.VideoStream:
        info = self._info
        rate = _rate(info)
        aspect = info.pixel_aspect
        options = {
            **_X264,
            "g": str(max(1, math.ceil(rate * _FRAGMENT_S))),
            "x264-params": f"sar={aspect.numerator}/{aspect.denominator}",
        }
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height = info.width + info.width % 2, info.height + info.height % 2
        stream.pix_fmt = "yuv420p"
        stream.time_base = self._time_base
        context = stream.codec_context
        context.time_base = self._time_base
        context.color_range = _LIMITED_RANGE
        context.colorspace, context.color_primaries, context.color_trc = self._tags
        return stream

    def _to_picture(self, image: npt.NDArray[np.uint8]) -> av.VideoFrame:
        """The image in yuv420p, its last column and row repeated where 4:2:0 needs even sizes."""
        odd_height, odd_width = image.shape[0] % 2, image.shape[1] % 2
        if odd_height or odd_width:
            image = np.asarray(cv2.copyMakeBorder(image, 0, odd_height, 0, odd_width, cv2.BORDER_REPLICATE), np.uint8)
        return self._to_yuv.reformat(
            av.VideoFrame.from_ndarray(image, format="rgb24"),
            format="yuv420p",
            dst_colorspace=_SWS_MATRICES.get(self._tags.matrix, _SWS_BT601),
            src_color_range=_FULL_RANGE,
            dst_color_range=_LIMITED_RANGE,
        )

    def _close_fragments(self) -> None:
        if self._container is None:
            return
        container, self._container = self._container, None
        try:
            container.mux(self._stream.encode(None))
        finally:
            container.close()

    def _join(self) -> None:
        """Copies the frames, at their own times, and the sound that belongs to them into the mp4 proper."""
        with av.open(str(self._fragments)) as fragments:
            source = fragments.streams.video[0]
            clock = Fraction(1, source.time_base.denominator)
            options = {name: str(clock.denominator) for name in ("movie_timescale", "video_track_timescale")}
            with av.open(str(self.staged.part), "w", format="mp4", options={"movflags": "faststart", **options}) as mp4:
                stream = mp4.add_stream_from_template(source, opaque=True)
                sound = self._sound(mp4)
                for packet in fragments.demux(source):
                    if packet.pts is None:
                        continue
                    packet.pts += int(self._first * self._time_base / clock)
                    packet.dts = packet.pts
                    if packet.pts * clock == self._last * self._time_base:
                        packet.duration = int(self._step * self._time_base / clock)
                    packet.stream = stream
                    if sound:
                        sound.mux_until(float(packet.pts * clock))
                    mp4.mux(packet)
                if sound:
                    sound.mux_rest()

    def _sound(self, mp4: av.container.OutputContainer) -> Sound | None:
        if not self._info.has_audio or self._info.kind != "video" or self._info.path is None:
            return None
        begin_s = float(self._first * self._time_base) if self._first_index else -math.inf
        return Sound(self._info.path, mp4, begin_s, float((self._last + self._step) * self._time_base))


def _rate(info: SourceInfo) -> Fraction:
    """Frames a second, for the encoder's rate control and where times do not say."""
    return max(Fraction(1), Fraction(info.fps or ASSUMED_FPS).limit_denominator(1001))


def color_tags(info: SourceInfo) -> ColorTags:
    """How the overlay's colours are tagged: as the source's; a source that has RGB takes what its height calls for."""
    if info.color is not None and info.color.matrix != 0:
        return info.color
    return _BT709 if info.height >= _HD_HEIGHT else _BT601
