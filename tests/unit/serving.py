"""A service in the test's process, with its own socket: without engines, or with a pool of engines."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from models.errors import Overloaded
from service.access.arrivals import Arrivals, Gate
from service.access.authentication import Authenticator
from service.app import create_app
from service.edge.connections import Admission, protocol_of
from service.edge.drain import DrainState
from service.engines.figures import Figures
from service.engines.pool import EnginePool
from service.engines.process import EngineState
from service.server import Server
from service.settings import Settings


class Engines:
    """A ready engine pool that receives no requests."""

    draining = False

    async def start(self) -> None:
        """Nothing to start."""

    def dismiss(self) -> None:
        """Stop accepting requests."""
        self.draining = True

    async def stop(self) -> None:
        """Nothing to stop."""

    def seconds_until_ready(self) -> float:
        """Return zero."""
        return 0.0

    def states(self) -> list[EngineState]:
        """Return one ready engine."""
        return [EngineState(True)]

    def spare_states(self) -> list[EngineState]:
        """Return no spares."""
        return []

    def figures(self) -> Figures:
        """Return the figures of none."""
        return Figures()


class StubPool(EnginePool):
    """A pool of stub engines."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "tests.stub_engine")


class StoppedPool(StubPool):
    """A pool whose first stub engines are stopped before they are ready, until `resume`."""

    async def start(self) -> None:
        """Start every engine, and stop it."""
        await super().start()
        signal_engines(self, signal.SIGSTOP)

    def resume(self) -> None:
        """Let the engines become ready."""
        signal_engines(self, signal.SIGCONT)


def signal_engines(pool: EnginePool, number: signal.Signals) -> None:
    """Send every engine a signal."""
    for state in pool.states():
        if state.pid is not None:
            os.kill(state.pid, number)


@asynccontextmanager
async def stub_engines(**options: Any) -> AsyncIterator[StubPool]:
    """Run a pool of stub engines, which are ready, without a service. `options` are settings."""
    engines = StubPool(Settings(**options))
    await engines.start()
    try:
        await wait_until(lambda: all(state.ready for state in (*engines.states(), *engines.spare_states())))
        yield engines
    finally:
        await engines.stop()


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 (there are no events for it)
            await asyncio.sleep(0.005)


class Open:
    """Admission gate that accepts every client."""

    def __init__(self) -> None:
        self.arrivals = Arrivals()

    def floods_beside_others(self, client: str) -> bool:  # noqa: ARG002 (the gate's signature)
        """Return that there are none."""
        return False

    def refusal(self, client: str) -> Overloaded | None:  # noqa: ARG002 (the gate's signature)
        """Return no error."""
        return None


@dataclass
class Client:
    """A connection to the service."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)

    async def reply(self) -> tuple[int, dict[str, str], Any]:
        """Read status, headers and JSON of the next response."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, json.loads(body)

    async def is_closed(self) -> bool:
        """Whether the service closes the connection without further bytes."""
        return await self.reader.read() == b""


@dataclass
class Running:
    """A service in this process."""

    server: Server
    port: int
    serving: asyncio.Task[None]
    engines: Any
    clients: list[Client] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The base of its URLs."""
        return f"http://127.0.0.1:{self.port}"

    async def client(self) -> Client:
        """Open a new connection."""
        self.clients.append(Client(*await asyncio.open_connection("127.0.0.1", self.port)))
        return self.clients[-1]

    def stop(self) -> None:
        """Stop the service like SIGTERM does."""
        self.server.handle_exit(signal.SIGTERM, None)


@asynccontextmanager
async def running(  # noqa: PLR0913 (what differs between tests)
    folder: Path,
    *,
    connections: int = 100,
    deadline: float = 5.0,
    gate: Gate | None = None,
    pool: type[EnginePool] | None = None,
    keys: Authenticator | None = None,
    address: tuple[str, int] = ("127.0.0.1", 0),
    around: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    **options: Any,
) -> AsyncIterator[Running]:
    """Run a service that is stopped at the end of the block at the latest. `around` may watch what reaches the
    application; `options` are settings.
    """
    settings = Settings(data_dir=str(folder), log="off", deadline=deadline, **options)
    drain, engines = DrainState(), pool(settings) if pool is not None else None
    keys = keys or Authenticator(None)
    app = create_app(settings, engines or Engines(), drain=drain, keys=keys)  # type: ignore[arg-type]
    gate = gate or (engines.admission if engines is not None else Open())
    protocol = protocol_of(settings, connections, drain, Admission(gate, app.state.refusals, keys))
    config = uvicorn.Config(around(app), http=protocol, ws="none", log_level="error")
    listener = socket.create_server(address)
    server = Server(config, app, drain, keys, deadline)
    serving = asyncio.create_task(server.serve([listener]))
    port = listener.getsockname()[1]
    await wait_until(lambda: server.started)
    async with asyncio.timeout(60):
        one = Running(server, port, serving, engines)
        try:
            yield one
        finally:
            for client in one.clients:
                client.writer.close()
            server.should_exit = True
            await serving
