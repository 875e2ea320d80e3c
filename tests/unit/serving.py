"""A service in the process of the test, with a socket of its own and no engine."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from models.errors import Overloaded
from service.admission import Gate
from service.app import create_app
from service.arrivals import Arrivals
from service.connections import protocol_of
from service.drain import Drain
from service.engine_process import EngineState
from service.server import Server
from service.settings import Settings


class Engines:
    """One that is ready and is asked nothing."""

    draining = False

    async def start(self) -> None:
        """Nothing to start."""

    def dismiss(self) -> None:
        """Takes no more."""
        self.draining = True

    async def stop(self) -> None:
        """Nothing to stop."""

    def seconds_until_ready(self) -> float:
        """It is."""
        return 0.0

    def states(self) -> list[EngineState]:
        """One engine."""
        return [EngineState(True)]

    def spare_states(self) -> list[EngineState]:
        """No spares."""
        return []


class Open:
    """A gate that lets everybody in."""

    def __init__(self) -> None:
        self.arrivals = Arrivals()

    def has_others(self, client: str) -> bool:  # noqa: ARG002 (the gate's signature)
        """Nobody else is there."""
        return False

    def refusal(self, client: str) -> Overloaded | None:  # noqa: ARG002 (the gate's signature)
        """There is always room."""
        return None


@dataclass
class Client:
    """A connection to the service."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        """Bytes on their way."""
        self.writer.write(data)

    async def reply(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON of the next reply."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, json.loads(body)

    async def is_closed(self) -> bool:
        """Whether the service closes it, and says nothing more."""
        return await self.reader.read() == b""


@dataclass
class Running:
    """A service in this process."""

    server: Server
    port: int
    serving: asyncio.Task[None]
    clients: list[Client] = field(default_factory=list)

    async def client(self) -> Client:
        """A connection of its own."""
        self.clients.append(Client(*await asyncio.open_connection("127.0.0.1", self.port)))
        return self.clients[-1]

    def stop(self) -> None:
        """What SIGTERM does."""
        self.server.handle_exit(signal.SIGTERM, None)


@asynccontextmanager
async def running(
    folder: Path, connections: int = 100, deadline: float = 5.0, gate: Gate | None = None
) -> AsyncIterator[Running]:
    """A service that is stopped with the block, if it is not before."""
    settings, drain = Settings(data_dir=str(folder), log="off"), Drain()
    app = create_app(settings, Engines(), drain=drain)  # type: ignore[arg-type]
    protocol = protocol_of(settings, connections, drain, gate or Open(), app.state.refusals)
    config = uvicorn.Config(app, http=protocol, ws="none", log_level="error")
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(config, app, drain, deadline)
    serving = asyncio.create_task(server.serve([listener]))
    port = listener.getsockname()[1]
    while not server.started:  # noqa: ASYNC110 (nothing tells of it)
        await asyncio.sleep(0.01)
    async with asyncio.timeout(60):
        one = Running(server, port, serving)
        try:
            yield one
        finally:
            for client in one.clients:
                client.writer.close()
            server.should_exit = True
            await serving
