"""Videos without transparency: frames encoded as they come, then joined with the source's sound into one mp4.

While frames come they go into a fragmented mp4 without sound, which plays whenever writing stops, be it for want of
room. At the end its packets are copied into the mp4 proper, index first, so that a browser can start at once.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

from seem_video.io.coding import FrameTimes, YuvConverter, add_video, color_tags, frame_rate
from seem_video.io.frame import SourceInfo
from seem_video.io.output import Shot
from seem_video.io.sound import Sound
from seem_video.io.staging import Staged, remove

_X264 = {"preset": "superfast", "crf": "20", "bf": "0"}  # without B frames, packets come out in order of display
_FRAGMENT_S = 2  # a key frame, and with it a fragment on disk, at least every so many seconds


class Mp4Video(ABC):
    """Writes pictures as H.264 in yuv420p with the frame times, the colour tags and the sound of the source."""

    def __init__(self, staged: Staged, info: SourceInfo) -> None:
        self.staged = staged
        self._fragments = staged.beside(".frames.mp4")
        self._info = info
        self._times = FrameTimes(info)
        self._joined = False
        options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
        self._container: av.container.OutputContainer | None = av.open(
            str(self._fragments), "w", format="mp4", options=options
        )
        self._stream = add_video(
            self._container,
            "libx264",
            "yuv420p",
            info,
            self._times.unit,
            **_X264,
            g=str(max(1, math.ceil(frame_rate(info) * _FRAGMENT_S))),
        )
        self._to_yuv = YuvConverter("yuv420p", color_tags(info))

    @abstractmethod
    def picture(self, shot: Shot) -> npt.NDArray[np.uint8]:
        """What is shown of a frame, (H, W, 3) uint8 RGB."""

    def write(self, shot: Shot) -> None:
        time = self._times.take(shot.result)
        coded = self._to_yuv(self.picture(shot))
        coded.pts = time - self._times.first
        coded.time_base = self._times.unit
        assert self._container is not None
        self._container.mux(self._stream.encode(coded))

    def close(self) -> bool:
        self._close_fragments()
        if self._times.first_index is not None and not self._joined:
            self._join()
            self._joined = True
        remove(self._fragments)
        return self._joined

    def salvage(self) -> bool:
        try:
            return self.close()
        except (OSError, av.FFmpegError):  # no room for a second copy: the first one plays as well, without sound
            self._fragments.replace(self.staged.part)
            return self._times.first_index is not None

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
        times = self._times
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
                    packet.pts += int(times.first * times.unit / clock)
                    packet.dts = packet.pts
                    if packet.pts * clock == times.last * times.unit:
                        packet.duration = int(times.step * times.unit / clock)
                    packet.stream = stream
                    if sound:
                        sound.mux_until(float(packet.pts * clock))
                    mp4.mux(packet)
                if sound:
                    sound.mux_rest()

    def _sound(self, mp4: av.container.OutputContainer) -> Sound | None:
        if not self._info.has_audio or self._info.kind != "video" or self._info.path is None:
            return None
        times = self._times
        begin_s = float(times.first * times.unit) if times.first_index else -math.inf
        return Sound(self._info.path, mp4, begin_s, float((times.last + times.step) * times.unit))


class OverlayVideo(Mp4Video):
    """The frames with masks and prompts drawn."""

    def picture(self, shot: Shot) -> npt.NDArray[np.uint8]:
        return shot.drawn
