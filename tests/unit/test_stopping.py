"""A service that is told to stop: what has come is answered, in the one shape, and nothing is lost."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

import service.edge.connections
import service.server
from tests.unit.serving import running

LIVE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
READY = LIVE.replace(b"/healthz", b"/readyz")
SLOW = b"POST /v1/activations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections on which nothing happens are given a moment."""
    monkeypatch.setattr(service.edge.connections, "IDLE_SECONDS", 0.2)


async def test_what_has_come_is_answered(tmp_path: Path) -> None:
    """On connections old and new, once; who asks learns that it was the last; then the port is closed."""
    async with running(tmp_path) as one:
        kept, fresh, idle = [await one.client() for _ in range(3)]
        for client in (kept, idle):
            client.send(LIVE)
            assert "connection" not in (await client.reply())[1]
        one.stop()
        kept.send(READY)
        status, headers, body = await kept.reply()
        assert (status, headers["connection"], body["draining"]) == (503, "close", True)
        fresh.send(LIVE)
        late = await one.client()
        late.send(LIVE)
        for client in (fresh, late):
            status, headers, _ = await client.reply()
            assert (status, headers["connection"]) == (200, "close")
        for client in (kept, fresh, late, idle):
            assert await client.is_closed()
        await one.serving
        with pytest.raises(OSError, match="Connect call failed"):
            await one.client()


async def test_connections_that_were_made_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the port is closed before the service comes to them."""
    closing = service.server.close_listeners
    made: list[socket.socket] = []

    def late(sockets: list[socket.socket], servers: Any) -> list[socket.socket]:
        client = socket.create_connection(sockets[0].getsockname())
        client.sendall(LIVE)
        made.append(client)
        return closing(sockets, servers)

    monkeypatch.setattr(service.server, "close_listeners", late)
    async with running(tmp_path) as one:
        one.stop()
        await one.serving
        with made[0] as client:
            client.settimeout(10)
            received = b"".join(iter(lambda: client.recv(65536), b""))
        assert received.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in received


async def test_who_sends_slowly_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    """Then told, in the shape of every error, that the service is stopping."""
    async with running(tmp_path, deadline=0.6) as one:
        body, head = await one.client(), await one.client()
        body.send(SLOW + b"half")
        head.send(LIVE[:-2])
        await asyncio.sleep(0.05)
        one.stop()
        status, headers, problem = await body.reply()
        assert (status, problem["code"], headers["content-type"]) == (503, "draining", "application/problem+json")
        assert headers["retry-after"] == "1"
        head.send(LIVE[-2:])
        status, headers, problem = await head.reply()
        assert (status, problem["code"], headers["connection"]) == (503, "draining", "close")


async def test_what_waits_for_something_else_is_told_so_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not cut off, nor answered in a shape of the server's."""
    monkeypatch.setattr(service.server, "SEND_SECONDS", 0.1)
    begun = asyncio.Event()

    async def endless(*_: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with running(tmp_path, deadline=0.3) as one:
        monkeypatch.setattr("service.edge.compression.Compression.__call__", endless)
        client = await one.client()
        client.send(LIVE)
        await begun.wait()
        one.stop()
        status, headers, problem = await client.reply()
        assert (status, problem["code"]) == (503, "draining")
        assert headers["content-type"] == "application/problem+json"


async def test_connections_beyond_those_that_are_served_are_told_so(tmp_path: Path) -> None:
    """But for questions whether the service lives; when others are gone there is room again."""
    async with running(tmp_path, connections=2) as one:
        first, second, third, fourth = [await one.client() for _ in range(4)]
        for client in (first, second, third):
            client.send(LIVE)
            assert (await client.reply())[0] == 200
        fourth.send(LIVE.replace(b"/healthz", b"/version"))
        status, headers, problem = await fourth.reply()
        assert (status, problem["code"], headers["connection"]) == (503, "too_many_connections", "close")
        assert headers["retry-after"] == "1"
        for client in (second, third, fourth):
            client.writer.close()
        while len(one.server.server_state.connections) > 1:  # noqa: ASYNC110 (likewise)
            await asyncio.sleep(0.01)
        again = await one.client()
        again.send(LIVE.replace(b"/healthz", b"/version"))
        assert (await again.reply())[0] == 200


async def test_far_too_many_connections_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Descriptors are for engines, the store and files."""
    monkeypatch.setattr(service.edge.connections, "REFUSED", 1)
    async with running(tmp_path, connections=1) as one:
        clients = [await one.client() for _ in range(6)]
        clients[0].send(LIVE)
        assert (await clients[0].reply())[0] == 200
        for client in clients[2:]:
            assert await client.is_closed()
