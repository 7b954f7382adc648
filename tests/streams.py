"""Real live sources for tests: a local sender of MPEG-TS, and what fits into a pipe."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import av
import numpy as np
import numpy.typing as npt

FPS = 25


def packed(images: npt.NDArray[np.uint8]) -> list[bytes]:
    """MPEG-TS as a camera sends it, a piece a frame, each decodable as it comes."""
    buffer = io.BytesIO()
    pieces: list[bytes] = []
    with av.open(buffer, "w", format="mpegts", options={"flush_packets": "1"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options={"tune": "zerolatency", "g": "5", "crf": "12"})
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for image in images:
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
            pieces.append(buffer.getvalue())
            buffer.seek(0)
            buffer.truncate()
    return [*pieces, buffer.getvalue()]


@contextmanager
def tcp_sender(pieces: list[bytes], *, at_once: int = 0, hangs: bool = False) -> Iterator[str]:
    """Serves the pieces to one client, `FPS` a second after the first ones, and gives the address.

    Args:
        at_once: pieces sent without a pause. hangs: the connection stays open after the last one.
    """
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send() -> None:
            client, _ = server.accept()
            with client:
                try:
                    for i, piece in enumerate(pieces):
                        client.sendall(piece)
                        time.sleep(0 if i < at_once else 1 / FPS)
                except OSError:  # nobody listens any more
                    return
                if hangs:
                    done.wait()

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        done.set()
        thread.join(10)
