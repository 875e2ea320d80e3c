"""The listening process: uvicorn, told how to stop."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from logging.config import dictConfig

import uvicorn

from models.store import open_store
from service.app import create_app
from service.listening import announce, listening
from service.log import configuration
from service.protocol import protocol_of
from service.settings import PREFIX, Settings

GARBAGE_OBJECTS = 50_000
"""New containers, less those that are gone, until the young are looked through; Python's 700 are one small body."""
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
        SystemExit: with one clear line, when the address cannot be had or the store not be opened.
    """
    dictConfig(configuration(settings.log))  # before uvicorn does: what is passed over in the store is told
    sockets = listening(settings)
    try:
        store = open_store(settings.data_dir)
    except OSError as error:
        raise SystemExit(f"layerscope: {PREFIX}DATA_DIR: {error}") from None
    config = uvicorn.Config(
        create_app(settings, opened=store),
        loop="auto",
        http=protocol_of(settings),
        ws="none",
        log_config=configuration(settings.log),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.deadline) + DRAIN_SECONDS,
    )
    announce(sockets, settings)
    leave_alone_what_stays()
    Server(config).run(sockets)


def leave_alone_what_stays() -> None:
    """What the application is made of is never garbage: looking through it stopped one request in a hundred for 70 ms.
    The numbers of a small tensor in JSON are thousands of lists.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
