"""Video files through decord, for those who have it: the same frames as PyAV's, to within rounding."""

from __future__ import annotations

from pathlib import Path

from seem_video.errors import SeemVideoError
from seem_video.io.frame import Frame
from seem_video.io.reader import IndexedReader
from seem_video.io.video import VideoReader, open_container


class DecordReader(IndexedReader):
    """A video file, decoded by decord; what is known of it, and its exact timestamps, come from PyAV."""

    def __init__(self, path: Path, span: range) -> None:
        try:
            import decord
        except ImportError:
            raise SeemVideoError(
                'The backend decord is not installed; run pip install "seem-video[decord]", or use the backend pyav.'
            ) from None
        info = VideoReader(path, span).info
        try:
            self._video = decord.VideoReader(str(path))
        except (decord.DECORDError, RuntimeError):
            raise SeemVideoError(f"'{path}' cannot be read by decord; use the backend pyav.") from None
        super().__init__(info, span, len(self._video))
        timestamps = _timestamps(path)
        self._timestamps = timestamps if len(timestamps) == len(self._video) else None

    def _load(self, index: int) -> Frame:
        try:
            image = self._video[index].asnumpy()
        except Exception as error:
            raise SeemVideoError(f"decord cannot decode frame {index}; use the backend pyav.") from error
        if self._timestamps and self.info.time_base:
            pts = self._timestamps[index]
            return Frame(index, float(pts * self.info.time_base), pts, image)
        return Frame(index, float(self._video.get_frame_timestamp(index)[0]), None, image)


def _timestamps(path: Path) -> list[int]:
    """The presentation timestamps of a file's frames, read without decoding (decord's own are 32-bit floats)."""
    with open_container(str(path), path.name) as container:
        packets = container.demux(container.streams.video[0])
        return sorted(p.pts for p in packets if p.pts is not None and p.size and not p.is_discard)
