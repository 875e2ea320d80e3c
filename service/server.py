"""Server process: uvicorn with graceful shutdown."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from logging.config import dictConfig
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.access.authentication import Authenticator
from service.access.key_file import REFRESH_SECONDS
from service.app import create_app
from service.edge.connections import Admission, Connection, protocol_of
from service.edge.drain import DrainState
from service.edge.early_health import EarlyHealth
from service.edge.listening import announce, close_listeners
from service.engines.client import Engines
from service.engines.launch import Launched
from service.engines.pool import EnginePool
from service.engines.process import LaunchedFirst
from service.observing.log import configuration
from service.settings import Settings
from service.starting import authenticator_of, engines_of, store_of, tracing_of_process

log = logging.getLogger("layerscope")

GARBAGE_OBJECTS = 50_000
"""Net container allocations that trigger a generation-0 collection. Python's default of 700 is one small body: the
numbers of a small tensor in JSON are thousands of lists.
"""
OPEN_SECONDS = 0.25
"""From the signal until the port closes: clients that just saw the service ready may still connect."""
SEND_SECONDS = 5.0
"""After the deadline, for responses that are still being sent."""
CANCEL_SECONDS = 1.0
"""For cancelled requests that wait for something other than an engine to reply that the service is stopping."""
TICK_SECONDS = 0.02


class Server(uvicorn.Server):
    """Exits with code 0 after SIGTERM or SIGINT, once accepted requests are finished.

    Plain uvicorn closes the port and keep-alive connections while requests are in transit, waits indefinitely for
    slow senders, and replies to the requests it cancels in its own error format.
    """

    def __init__(
        self, config: uvicorn.Config, app: FastAPI, drain: DrainState, keys: Authenticator, deadline: float
    ) -> None:
        super().__init__(config)
        self._app, self._drain, self._keys, self._deadline = app, drain, keys, deadline
        self.accepted: Callable[[], list[socket.socket]] = list
        """Gives connections that were accepted before, as soon as this server accepts them itself."""
        self._refreshing: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start. The file of keys is read again after SIGHUP, and when it has changed; without one, SIGHUP is sent by a
        terminal that is closed, and stops the service.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        if self._keys.are_needed:
            self._refreshing = loop.create_task(self._refresh_keys())
        await super().startup(sockets)
        await self._take(self.accepted())

    def _on_hangup(self) -> None:
        if self._keys.are_needed:
            asyncio.get_running_loop().run_in_executor(None, self._keys.refresh, True)
        else:
            self.handle_exit(signal.SIGHUP, None)

    async def _refresh_keys(self) -> None:
        while not self.should_exit:
            await asyncio.sleep(REFRESH_SECONDS)
            await asyncio.to_thread(self._keys.refresh)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()  # otherwise uvicorn raises them again after shutdown

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._drain.begun = True
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain: finish every received request; those still running at the deadline get a 503."""
        log.info("stopping")
        for connection in self._connections():
            connection.shutdown()
        await self._until(lambda: False, OPEN_SECONDS)
        await self._close_port(sockets or [])
        if not await self._until(self._is_idle, self._deadline - OPEN_SECONDS):
            self._end_drain()
            if not await self._until(self._is_idle, SEND_SECONDS):
                await self._cancel_requests()
        if self.force_exit:
            os._exit(0)  # without waiting for threads; engines end with this process
        await self.lifespan.shutdown()

    def _connections(self) -> list[Connection]:
        return [connection for connection in self.server_state.connections if isinstance(connection, Connection)]

    async def _close_port(self, sockets: list[socket.socket]) -> None:
        """Accept the connections in the backlog first: to their clients these are established already."""
        await self._take(close_listeners(sockets, self.servers))

    async def _take(self, accepted: Sequence[socket.socket]) -> None:
        """Serve connections that were accepted elsewhere."""
        loop = asyncio.get_running_loop()
        for connection in accepted:
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        assert isinstance(protocol, asyncio.Protocol)  # noqa: S101 (serve() sets the class)
        return protocol

    def _is_idle(self) -> bool:
        """Whether no connection or task is left; closes idle connections."""
        for connection in self._connections():
            connection.close_if_idle()
        return not (self.server_state.connections or self.server_state.tasks)

    def _end_drain(self) -> None:
        self._drain.ended = True
        engines: Engines = self._app.state.layerscope.engines
        engines.dismiss()
        for connection in self._connections():
            connection.refuse_incomplete()

    async def _cancel_requests(self) -> None:
        """Cancel the remaining requests, whose cancellation handlers reply, then abort the connections."""
        log.warning("cancelling %d unfinished requests", len(self.server_state.tasks))
        for task in list(self.server_state.tasks):
            task.cancel()
        await self._until(lambda: not self.server_state.tasks, CANCEL_SECONDS)
        for connection in self._connections():
            connection.transport.abort()

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether the condition became true within the time; a second SIGINT ends the wait."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not (is_met := condition()) and loop.time() < end and not self.force_exit:  # noqa: ASYNC110 (as uvicorn)
            await asyncio.sleep(TICK_SECONDS)
        return is_met or self.force_exit


def run(
    settings: Settings,
    sockets: list[socket.socket],
    connections: int,
    launched: Sequence[Launched],
    early: EarlyHealth,
) -> None:
    """Serve on bound sockets until a stop signal, with engines that were launched and connections accepted before.

    Raises:
        SystemExit: with a one-line message, if the keys are wrong, or the store cannot be opened.
    """
    dictConfig(configuration(settings.log))  # before uvicorn does, so that entries skipped in the store are logged
    keys = authenticator_of(settings)
    make_engine = engines_of(settings) or LaunchedFirst(launched)
    store = store_of(settings)
    engines, drain = EnginePool(settings, make_engine=make_engine), DrainState()
    tracing = tracing_of_process()
    app = create_app(settings, engines, store, drain, keys, tracing)
    config = uvicorn.Config(
        app,
        loop="auto",
        http=protocol_of(settings, connections, drain, Admission(engines.admission, app.state.refusals, keys)),
        ws="none",
        timeout_keep_alive=settings.idle_seconds,
        log_config=configuration(settings.log),
        access_log=False,
        server_header=False,
    )
    announce(sockets, settings)
    freeze_startup_objects()
    server = Server(config, app, drain, keys, settings.deadline)
    server.accepted = early.close
    server.run(sockets)
    if tracing is not None:
        tracing.close()


def freeze_startup_objects() -> None:
    """Exclude startup objects from garbage collection: scanning them paused one request in a hundred for 70 ms."""
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
    gc.enable()  # `serve` disabled it
