"""What the page takes from strangers: one video file that stands by itself, not too large and not too long."""

from __future__ import annotations

from pathlib import Path

import av

from seem_video.errors import SeemVideoError

MOST_BYTES = 500 * 2**20
MOST_FRAMES = 9000
"""Five minutes at 30 frames a second."""
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,ogg,flv,asf,gif,m4v,h264,hevc,ivf,mxf,dv"


def check_container(path: Path) -> None:
    """Refuse what is no video file of itself, before anything else reads it.

    FFmpeg also opens playlists, and reads the files that they name: with those, an upload could show any video on the
    server's disk.

    Raises:
        SeemVideoError: it is none of the containers that hold their own pictures.
    """
    try:
        av.open(str(path), metadata_errors="replace", container_options={"format_whitelist": _CONTAINERS}).close()
    except (av.FFmpegError, OSError):
        raise SeemVideoError(
            f"'{path.name}' is not a video that this page can read; give it as MP4, MOV, WebM, MKV or AVI."
        ) from None


def check_length(name: str, frames: int) -> None:
    """Raises `SeemVideoError` if an upload of so many frames is too long."""
    if frames > MOST_FRAMES:
        raise SeemVideoError(
            f"'{name}' has {frames} frames, and the page takes uploads of up to {MOST_FRAMES}; cut it, "
            "or name it on the command line: seem-video ui clip.mp4."
        )
