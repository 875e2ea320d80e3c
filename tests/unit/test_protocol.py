"""Clients that do not read what they asked for."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from typing import Any

import pytest
import uvicorn

import service.protocol
from service.protocol import BoundedProtocol

SIZE = 64 * 1024 * 1024


async def large(scope: Any, receive: Any, send: Any) -> None:
    """A reply in one piece, which the server has to keep until it is read."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(SIZE).encode())]})
    await send({"type": "http.response.body", "body": bytes(SIZE)})


async def test_who_does_not_read_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of the reply is dropped; somebody who reads, however late he begins, gets all of it."""
    monkeypatch.setattr(service.protocol, "STALL_SECONDS", 1.0)
    server = uvicorn.Server(uvicorn.Config(large, port=0, http=BoundedProtocol, lifespan="off", log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    received = [await asyncio.to_thread(_read_after, port, seconds) for seconds in (0.1, 2.5)]
    assert received[0] > SIZE > received[1]
    server.should_exit = True
    await serving


def _read_after(port: int, seconds: float) -> int:
    """The bytes that come after a pause."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        time.sleep(seconds)
        size = 0
        with suppress(ConnectionResetError):
            while data := client.recv(1 << 20):
                size += len(data)
        return size
