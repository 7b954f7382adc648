"""A released model is fetched from a hub as the hub's own client does, checked, kept, and not fetched again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from huggingface_hub import hf_hub_download
from safetensors import safe_open
from tiny import filled, tiny

from seem_video import SeemVideoError, load_model
from seem_video.model import released_weights
from seem_video.model.checkpoints import download_model

NAME, FILE = "seem-focalt-v0", "seem_focalt_v0.pt"


class _Hub(ThreadingHTTPServer):
    """Serves one file as huggingface.co does, and keeps the requests for it."""

    def __init__(self, path: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.content, self.asked = path.read_bytes(), list[str]()
        self.address = f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: _Hub

    def do_HEAD(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.send_response(200 if self.path == f"/xdecoder/SEEM/resolve/main/{FILE}" else 404)
        self.send_header("ETag", '"0123456789abcdef"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Hub]:
    torch.save(filled("tiny_focal"), tmp_path / FILE)
    parameters = sum(parameter.numel() for parameter in tiny("tiny_focal").parameters())
    named = replace(released_weights.RELEASED[NAME], parameters=parameters)
    monkeypatch.setitem(released_weights.RELEASED, NAME, named)
    monkeypatch.setenv("SEEM_VIDEO_CACHE", str(tmp_path / "cache"))
    with _Hub(tmp_path / FILE) as hub:
        fetch = partial(hf_hub_download, endpoint=hub.address, cache_dir=tmp_path / "hub")
        monkeypatch.setattr(released_weights, "hf_hub_download", fetch)
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        yield hub
        hub.shutdown()


def test_it_is_fetched_once_with_its_progress_and_its_sha256_is_kept(hub: _Hub):
    seen: list[tuple[int, int | None]] = []
    path = download_model(NAME, on_bytes=lambda got, of: seen.append((got, of)))
    assert seen[-1] == (len(hub.content), len(hub.content))
    with safe_open(path, framework="pt") as file:
        assert file.metadata()["sha256"] == hashlib.sha256(hub.content).hexdigest()
    assert path.stat().st_mode & 0o777 == 0o644, "a cache may be shared"
    asked = len(hub.asked)
    assert asked >= 2
    assert download_model(NAME) == path
    load_model(NAME, device="cpu")
    assert len(hub.asked) == asked


def test_a_hub_that_is_out_of_reach_leaves_one_sentence_and_nothing_behind(hub: _Hub, tmp_path: Path):
    hub.shutdown()
    hub.server_close()
    with pytest.raises(SeemVideoError, match=r"is not on this machine and could not be fetched .* put it at"):
        download_model(NAME)
    assert not list((tmp_path / "cache").glob("*"))
