"""Graceful shutdown: received requests are answered, in the usual shape."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

import service.edge.connections
import service.server
from service.access.authentication import Authenticator
from service.access.key_file import KeyFile
from service.access.keys import new_key
from tests.unit.serving import running, wait_until

LIVE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
READY = LIVE.replace(b"/healthz", b"/readyz")
SLOW = b"POST /v1/activations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the idle timeout of connections."""
    monkeypatch.setattr(service.edge.connections, "IDLE_SECONDS", 0.2)


async def test_received_requests_are_answered(tmp_path: Path) -> None:
    """On old and new connections, with Connection: close; then the port is closed."""
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


async def test_established_connections_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the port is closed before the service accepts them."""
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


async def test_slow_requests_are_awaited_until_the_deadline(tmp_path: Path) -> None:
    """Then they get a 503 problem with the code draining."""
    async with running(tmp_path, deadline=0.6) as one:
        body, head = await one.client(), await one.client()
        body.send(SLOW + b"half")
        head.send(LIVE[:-2])
        await wait_until(lambda: sum(each.scope is not None for each in one.server.server_state.connections) == 2)
        one.stop()
        status, headers, problem = await body.reply()
        assert (status, problem["code"], headers["content-type"]) == (503, "draining", "application/problem+json")
        assert headers["retry-after"] == "1"
        head.send(LIVE[-2:])
        status, headers, problem = await head.reply()
        assert (status, problem["code"], headers["connection"]) == (503, "draining", "close")


async def test_pending_requests_get_a_problem_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of a reset or the HTTP server's own response."""
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


async def test_connections_over_the_limit_are_rejected(tmp_path: Path) -> None:
    """Except for liveness probes; closed connections free their slots."""
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
        while len(one.server.server_state.connections) > 1:  # noqa: ASYNC110 (there is no event for it)
            await asyncio.sleep(0.01)
        again = await one.client()
        again.send(LIVE.replace(b"/healthz", b"/version"))
        assert (await again.reply())[0] == 200


@pytest.mark.parametrize("limits", [{"connections": 2}, {"client_connections": 2}])
async def test_the_longest_idle_connection_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any]
) -> None:
    """Within the limit of all, and of a client; one that has sent a part of a request is not idle."""
    monkeypatch.setattr(service.edge.connections, "IDLE_SECONDS", 0.0)
    async with running(tmp_path, **limits) as one:
        first = await one.client()
        first.send(LIVE[:20])
        second = await one.client()
        second.send(LIVE)
        assert (await second.reply())[0] == 200
        third = await one.client()
        third.send(LIVE.replace(b"/healthz", b"/version"))
        assert (await third.reply())[0] == 200
        assert await second.is_closed()
        first.send(LIVE[20:])
        assert (await first.reply())[0] == 200


async def test_connections_with_a_key_take_no_place_of_their_address(tmp_path: Path) -> None:
    """A proxy may send those of many clients; strangers have as many places as an address has."""
    secret, line = new_key("alice")
    (tmp_path / "keys").write_text(line)
    keyed = LIVE.replace(b"/healthz", b"/version").replace(b"\r\n\r\n", f"\r\nX-API-Key: {secret}\r\n\r\n".encode())
    async with running(tmp_path, client_connections=2, keys=Authenticator(KeyFile(tmp_path / "keys"))) as one:
        clients = [await one.client() for _ in range(2)]
        for client in clients:
            client.send(keyed[:10])  # so that neither is idle
        for _ in range(4):
            clients.append(await one.client())
            clients[-1].send(keyed)
            assert (await clients[-1].reply())[0] == 200
        stranger = await one.client()
        stranger.send(LIVE.replace(b"/healthz", b"/version"))
        assert (await stranger.reply())[2]["code"] == "too_many_connections"
        for number, client in enumerate(clients):
            client.send(keyed[10:] if number < 2 else keyed)
            assert (await client.reply())[0] == 200
            client.writer.close()
        while len(one.server.server_state.connections) > 1:  # noqa: ASYNC110 (there is no event for it)
            await asyncio.sleep(0.01)
        protocol = next(iter(one.server.server_state.connections))
        assert sum(protocol.places.by_client.values()) <= 1  # type: ignore[union-attr]


async def test_connections_far_over_the_limit_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File descriptors are reserved for engines, the store and files."""
    monkeypatch.setattr(service.edge.connections, "REFUSED", 1)
    async with running(tmp_path, connections=1) as one:
        clients = [await one.client() for _ in range(6)]
        clients[0].send(LIVE)
        assert (await clients[0].reply())[0] == 200
        for client in clients[2:]:
            assert await client.is_closed()
