"""The source's sound track in the overlay: copied as it is where mp4 allows, else re-encoded as AAC."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

_MP4_CODECS = frozenset(("aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"))
_AAC_RATES = frozenset((8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000))
_SAME_END_S = 0.5  # frames that reach so near to the source's end take all the sound there is


class Sound:
    """The part of a file's first sound track that belongs to the frames from `begin_s` to `end_s`, in its own times.

    Frames that last until the end of the source's picture take the sound to its own end.
    """

    def __init__(self, path: Path, mp4: av.container.OutputContainer, begin_s: float, end_s: float) -> None:
        """Adds the track to an mp4; before anything is muxed into that."""
        self._input = av.open(str(path), metadata_errors="replace")
        self._track = sound_tracks(self._input)[0]
        self._begin_s = begin_s
        self._end_s = math.inf if self._picture_end_s() - end_s < _SAME_END_S else end_s
        self._packets = self._wanted()
        self._next = next(self._packets, None)
        self._mp4 = mp4
        context = self._track.codec_context
        self._copied = context.codec.canonical_name in _MP4_CODECS
        if self._copied:
            self._stream = mp4.add_stream_from_template(self._track, opaque=True)
        else:
            self._stream = mp4.add_stream("aac", rate=context.rate if context.rate in _AAC_RATES else 48_000)
            self._stream.codec_context.layout = "mono" if context.layout.nb_channels == 1 else "stereo"

    def mux_until(self, time_s: float) -> None:
        """Muxes what is to be heard before a time."""
        while self._next is not None and _seconds(self._next) < time_s:
            self._mux(self._next)
            self._next = next(self._packets, None)

    def mux_rest(self) -> None:
        """Muxes what is left, and closes the source."""
        self.mux_until(math.inf)
        if not self._copied:
            self._mp4.mux(self._stream.encode(None))
        self._input.close()

    def _mux(self, packet: av.Packet) -> None:
        if self._copied:
            packet.stream = self._stream
            self._mp4.mux(packet)
            return
        for sounds in _decoded(packet):
            self._mp4.mux(self._stream.encode(sounds))

    def _wanted(self) -> Iterator[av.Packet]:
        try:
            for packet in self._input.demux(self._track):
                if packet.pts is None or packet.is_corrupt:
                    continue
                if self._begin_s <= _seconds(packet) < self._end_s:
                    yield packet
        except av.FFmpegError:  # a damaged file; its reader has told of it
            return

    def _picture_end_s(self) -> float:
        """When the picture ends by the headers' claim."""
        picture = self._input.streams.video[0]
        if picture.duration and picture.time_base:
            return float(((picture.start_time or 0) + picture.duration) * picture.time_base)
        return ((self._input.start_time or 0) + (self._input.duration or 0)) / av.time_base


def sound_tracks(container: av.container.InputContainer) -> list[av.AudioStream]:
    """The sound tracks whose coding FFmpeg knows."""
    return [track for track in container.streams.audio if track.codec_context is not None]


def _decoded(packet: av.Packet) -> list[Any]:
    try:
        return packet.decode()
    except av.FFmpegError:
        return []


def _seconds(packet: av.Packet) -> float:
    assert packet.pts is not None
    return float(packet.pts * packet.time_base)
