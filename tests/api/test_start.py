"""The first second of `layerscope serve`, before there is a server: the real command, with a real engine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx

StartServer = Callable[..., AbstractContextManager[Any]]


def test_a_start_is_stopped_like_the_service(start_server: StartServer, tmp_path: Path) -> None:
    """A signal as soon as `/healthz` is answered ends it with code 0."""
    with start_server(tmp_path, wait=False) as server:
        assert server.stop() == 0


def test_what_is_asked_during_the_start_is_answered(start_server: StartServer, tmp_path: Path) -> None:
    """By the server, on connections that were accepted before there was one; the engine was launched before, too."""
    with start_server(tmp_path, wait=False) as server:
        version, live, ready = (server.client.get(path) for path in ("/version", "/healthz", "/readyz"))
        assert (version.status_code, live.json()) == (200, {"live": True})
        assert ready.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert ready.json()["engines"][0]["pid"] > 0
