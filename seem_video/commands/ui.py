"""`seem-video ui`: the web page."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from seem_video.commands.options import Device, Model


def ui(
    clip: Annotated[Path | None, typer.Argument(help="Video to open the page with.")] = None,
    model: Model = "seem-nano",
    device: Device = "auto",
    host: Annotated[str, typer.Option(help="Address to listen on; others than this machine's need --auth.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int | None, typer.Option(help="Port; the first free one from 7860 on.")] = None,
    auth: Annotated[str | None, typer.Option(metavar="USER:PASSWORD", help="Ask for these.")] = None,
) -> None:
    """Open a web page to click things in a video, see their masks and track them."""
    from seem_video.app.models import ModelShelf
    from seem_video.app.serve import check_access, serve
    from seem_video.model.checkpoints import load_model

    check_access(host, auth)  # before the model is loaded, which takes seconds
    shelf = ModelShelf(model, load_model(model, device=device), device)
    with serve(clip, shelf, host=host, port=port, auth=auth) as address, suppress(KeyboardInterrupt):
        print(f"The page is at {address} (Ctrl-C ends it).", flush=True)
        threading.Event().wait()
