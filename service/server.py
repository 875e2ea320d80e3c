"""The listening process: uvicorn, told how to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.config import dictConfig
from types import FrameType

import uvicorn
from fastapi import FastAPI

from models.store.store import open_store
from service.app import create_app
from service.edge.connections import Connection, protocol_of
from service.edge.descriptors import raise_limit, served_connections
from service.edge.drain import DrainState
from service.edge.listening import announce, listening, no_longer_listening
from service.engines.client import Engines
from service.engines.gpus import engine_count, visible_gpus
from service.engines.pool import EnginePool
from service.observing.log import configuration
from service.requests.heap_trimmer import bound_arenas
from service.settings import PREFIX, Settings, given_gpus

log = logging.getLogger("layerscope")

GARBAGE_OBJECTS = 50_000
"""New containers, less those that are gone, until the young are looked through; Python's 700 are one small body."""
OPEN_SECONDS = 0.25
"""From the signal until the port closes: who saw the service ready a moment ago may still come."""
SEND_SECONDS = 5.0
"""On top of the deadline, for replies that are still being sent."""
CANCEL_SECONDS = 1.0
"""For requests that wait for something else than an engine, to be told that the service stops."""
TICK_SECONDS = 0.02


class Server(uvicorn.Server):
    """Ends with exit code 0 after SIGTERM or SIGINT: what was accepted is finished, nothing went wrong.

    uvicorn closes the port, and kept connections, under requests that are on their way; waits without end for those
    who send slowly; and answers what it cancels in a shape of its own.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain: DrainState, deadline: float) -> None:
        super().__init__(config)
        self._app, self._drain, self._deadline = app, drain, deadline

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()  # else uvicorn raises them again once everything is finished

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._drain.begun = True
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Every request that has come is answered, the last of them after the deadline with a 503."""
        log.info("stopping")
        for connection in self._connections():
            connection.shutdown()
        await self._until(lambda: False, OPEN_SECONDS)
        await self._close_port(sockets or [])
        if not await self._until(self._is_idle, self._deadline - OPEN_SECONDS):
            self._end_drain()
            if not await self._until(self._is_idle, SEND_SECONDS):
                await self._break_off()
        if self.force_exit:
            os._exit(0)  # without waiting for threads; engines end with this process
        await self.lifespan.shutdown()

    def _connections(self) -> list[Connection]:
        return [connection for connection in self.server_state.connections if isinstance(connection, Connection)]

    async def _close_port(self, sockets: list[socket.socket]) -> None:
        """Connections that have been made are accepted first; their clients know nothing of a queue."""
        loop = asyncio.get_running_loop()
        accepted = no_longer_listening(sockets, self.servers)
        for one in accepted:
            await loop.connect_accepted_socket(self._protocol, one)

    def _protocol(self) -> asyncio.Protocol:
        made = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        assert isinstance(made, asyncio.Protocol)  # noqa: S101 (serve() says which)
        return made

    def _is_idle(self) -> bool:
        """Whether nobody waits for anything any more; connections on which nothing happens are closed."""
        for connection in self._connections():
            connection.close_if_idle()
        return not (self.server_state.connections or self.server_state.tasks)

    def _end_drain(self) -> None:
        self._drain.ended = True
        engines: Engines = self._app.state.layerscope.engines
        engines.dismiss()
        for connection in self._connections():
            connection.break_off()

    async def _break_off(self) -> None:
        """Requests that are not answered yet are, by what catches their cancellation; then connections are cut."""
        log.warning("%d requests were still being answered", len(self.server_state.tasks))
        for task in list(self.server_state.tasks):
            task.cancel()
        await self._until(lambda: not self.server_state.tasks, CANCEL_SECONDS)
        for connection in self._connections():
            connection.transport.abort()

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether it came to hold within the time; nothing is waited for after a second SIGINT."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not (held := condition()) and loop.time() < end and not self.force_exit:  # noqa: ASYNC110 (uvicorn's own)
            await asyncio.sleep(TICK_SECONDS)
        return held or self.force_exit


def serve(settings: Settings) -> None:
    """Serves until told to stop.

    Raises:
        SystemExit: with one clear line, when the address cannot be had, the store not be opened, or hardly any file.
    """
    bound_arenas()
    raise_limit()
    gpus = visible_gpus(given_gpus()) if settings.engines == "auto" else ()
    connections = served_connections(settings, engine_count(settings.engines, gpus))
    dictConfig(configuration(settings.log))  # before uvicorn does: what is passed over in the store is told
    sockets = listening(settings)
    try:
        store = open_store(settings.data_dir)
    except OSError as error:
        raise SystemExit(f"layerscope: {PREFIX}DATA_DIR: {error}") from None
    engines, drain = EnginePool(settings), DrainState()
    app = create_app(settings, engines, store, drain)
    config = uvicorn.Config(
        app,
        loop="auto",
        http=protocol_of(settings, connections, drain, engines.admission, app.state.refusals),
        ws="none",
        log_config=configuration(settings.log),
        access_log=False,
        server_header=False,
    )
    announce(sockets, settings)
    freeze_startup_objects()
    Server(config, app, drain, settings.deadline).run(sockets)


def freeze_startup_objects() -> None:
    """What the application is made of is never garbage: looking through it stopped one request in a hundred for 70 ms.
    The numbers of a small tensor in JSON are thousands of lists.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
