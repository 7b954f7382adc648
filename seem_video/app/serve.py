"""Serving the page: to this machine alone unless told otherwise, and leaving nothing behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from seem_video.app.desk import Desk
from seem_video.app.models import ModelShelf
from seem_video.app.uploads import MOST_BYTES
from seem_video.errors import SeemVideoError
from seem_video.io.reader import open_reader

_HERE = ("127.0.0.1", "localhost", "::1")


def check_access(host: str, auth: str | None) -> tuple[str, str] | None:
    """The user and password that the page asks for; None if it asks for none.

    Raises:
        SeemVideoError: others could reach the page without a password, or `auth` is not USER:PASSWORD.
    """
    if auth is None:
        if host not in _HERE:
            raise SeemVideoError(
                f"With --host {host} others can reach the page, so it needs a password: add --auth USER:PASSWORD."
            )
        return None
    user, _, password = auth.partition(":")
    if not (user and password):
        raise SeemVideoError("--auth takes a name and a password with a colon between them: USER:PASSWORD.")
    return user, password


@contextmanager
def serve(
    clip: Path | None, shelf: ModelShelf, *, host: str = "127.0.0.1", port: int | None = None, auth: str | None = None
) -> Iterator[str]:
    """Serve the page while the context lasts; gives its address.

    Args:
        clip: the video that the page opens with; None for none.
        shelf: the models that the page offers.
        host, port: where to listen; without a port, the first free one from 7860 on.
        auth: USER:PASSWORD that the page asks for.

    Raises:
        SeemVideoError: Gradio is missing, the clip cannot be read, the port is taken, or `check_access` refuses.
    """
    access = check_access(host, auth)
    if find_spec("gradio") is None:
        raise SeemVideoError("The web page needs Gradio, which is not installed: pip install 'seem-video[ui]'.")
    if clip is not None:
        open_reader(clip).close()
    with tempfile.TemporaryDirectory(prefix="seem-video-ui-") as temporary:
        os.environ["GRADIO_TEMP_DIR"] = temporary  # uploads and what is shown: removed with the folder
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        from seem_video.app.page import build_page, read_asset, theme

        desk = Desk(Path(temporary))
        page = build_page(desk, shelf, clip)
        try:
            _, address, _ = page.launch(
                server_name=host,
                server_port=port,
                auth=access,
                max_file_size=MOST_BYTES,
                theme=theme(),
                css=read_asset("page.css"),
                head=f"<script>{read_asset('page.js')}</script>",
                footer_links=[],
                ssr_mode=False,
                run_history=False,
                share=False,
                prevent_thread_lock=True,
                quiet=True,
            )
        except OSError as error:
            raise SeemVideoError(f"The page cannot be served at {host} ({error}); name another --port.") from error
        except ValueError as error:  # Gradio asks its own page whether it is there, and gives it three seconds
            page.close(verbose=False)
            raise SeemVideoError(
                "The page began but did not answer in time; try again, and if it stays so, take 127.0.0.1 out of the "
                "proxy (NO_PROXY=127.0.0.1)."
            ) from error
        try:
            yield address
        finally:
            desk.close_all()
            page.close(verbose=False)
