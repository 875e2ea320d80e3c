"""The listening process: uvicorn, told how to stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from models.store import open_store
from service.app import create_app
from service.protocol import BoundedProtocol
from service.settings import PREFIX, Settings

DRAIN_SECONDS = 5
"""On top of the deadline, for replies that are still being sent."""


class Server(uvicorn.Server):
    """Ends with exit code 0 after SIGTERM or SIGINT: what was accepted is finished, nothing went wrong."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()  # else uvicorn raises them again once everything is finished


def serve(settings: Settings) -> None:
    """Serves until told to stop.

    Raises:
        SystemExit: with one clear line, when the store cannot be opened.
    """
    try:
        store = open_store(settings.data_dir)
    except OSError as error:
        raise SystemExit(f"layerscope: {PREFIX}DATA_DIR: {error}") from None
    config = uvicorn.Config(
        create_app(settings, opened=store),
        host=settings.host,
        port=settings.port,
        loop="auto",
        http=BoundedProtocol,
        ws="none",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.deadline) + DRAIN_SECONDS,
    )
    Server(config).run()
