"""Clients that do not read their response."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
import uvicorn

import service.edge.http_protocol
from service.edge.http_protocol import BoundedProtocol

SIZE = 64 * 1024 * 1024


async def large(scope: Any, receive: Any, send: Any) -> None:
    """Send a response in one piece, which the server must buffer until it is read."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(SIZE).encode())]})
    await send({"type": "http.response.body", "body": bytes(SIZE)})


@pytest.fixture
async def server() -> AsyncIterator[uvicorn.Server]:
    """A server of such responses."""
    server = uvicorn.Server(uvicorn.Config(large, port=0, http=BoundedProtocol, lifespan="off", log_level="error"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    yield server
    server.should_exit = True
    await serving


async def until(condition: Callable[[], bool]) -> None:
    """Poll until a condition holds."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_slow_reader_gets_the_whole_response(server: uvicorn.Server) -> None:
    """However little the system accepts at once."""
    with open_request(server) as client:
        assert await asyncio.to_thread(count_received, client) > SIZE


async def test_a_stalled_reader_is_disconnected(server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the response is dropped."""
    monkeypatch.setattr(service.edge.http_protocol, "STALL_SECONDS", 0.1)
    connections = server.server_state.connections
    with open_request(server) as client:
        await until(lambda: len(connections) == 1)
        await until(lambda: not connections)
        assert await asyncio.to_thread(count_received, client) < SIZE


def open_request(server: uvicorn.Server) -> socket.socket:
    """Open a connection with a small receive buffer and send a request."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(60)
    client.connect(server.servers[0].sockets[0].getsockname())
    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return client


def count_received(client: socket.socket) -> int:
    """Count the received bytes."""
    size = 0
    with suppress(ConnectionResetError):
        while data := client.recv(1 << 20):
            size += len(data)
    return size
