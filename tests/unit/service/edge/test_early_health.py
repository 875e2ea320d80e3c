"""Answers to `/healthz` before there is a server, over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from select import select

import pytest

from service.edge import early_health
from service.edge.early_health import EarlyHealth
from service.settings import Settings
from tests.unit.serving import running

PROBE = b"GET /healthz HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: probe\r\nAccept: */*\r\n\r\n"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A listening socket."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield one


@pytest.fixture
def early(listener: socket.socket) -> Iterator[EarlyHealth]:
    """Early answers on the listener."""
    one = EarlyHealth([listener], Settings(instance="me:1"))
    one.start()
    yield one
    for connection in one.close():
        connection.close()


def asked(listener: socket.socket, request: bytes) -> socket.socket:
    """Open a connection and send a request."""
    client = socket.create_connection(listener.getsockname(), timeout=10)
    client.sendall(request)
    return client


def answer(listener: socket.socket, request: bytes = PROBE) -> bytes:
    """Return everything that the service says until it closes the connection."""
    with asked(listener, request) as client:
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_probes_are_answered(early: EarlyHealth, listener: socket.socket) -> None:
    """One after the other, with the headers of every response of the instance."""
    for _ in range(3):
        head, _, body = answer(listener).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ") for line in lines)
        assert (first, json.loads(body)) == ("HTTP/1.1 200 OK", {"live": True})
        assert headers["content-length"] == str(len(body))
        assert (headers["x-layerscope-instance"], headers["connection"]) == ("me:1", "close")


async def test_the_server_answers_probes_alike(tmp_path: Path) -> None:
    """With the same headers, but for those that differ each time, and keeping the connection."""
    async with running(tmp_path, instance="me:1") as one:
        client = await one.client()
        client.send(PROBE)
        status, headers, body = await client.reply()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        early = EarlyHealth([listener], Settings(instance="me:1"))
        early.start()
        head, _, early_body = (await asyncio.to_thread(answer, listener)).partition(b"\r\n\r\n")
        assert early.close() == []
    _, *lines = head.decode().lower().split("\r\n")
    early_headers = dict(line.split(": ") for line in lines)
    for each in (headers, early_headers):
        for name in ("date", "x-request-id"):
            assert each.pop(name)
    assert (early_headers.pop("connection"), headers.pop("server")) == ("close", "uvicorn")  # `serve` turns it off
    assert (status, headers, body) == (200, early_headers, json.loads(early_body))


@pytest.mark.parametrize(
    "request_",
    [
        PROBE.replace(b"/healthz", b"/readyz"),
        PROBE.replace(b"GET", b"HEAD"),
        PROBE.replace(b"localhost", b"evil.example"),
        PROBE.replace(b"Host: localhost:8000\r\n", b""),
        PROBE.replace(b"Accept: ", b"Host: localhost\r\nAccept: "),
        PROBE.replace(b"Accept: */*", b"Origin: http://localhost"),
        PROBE.replace(b"Accept: */*", b"Content-Length: 3") + b"abc",
        PROBE + PROBE,
        PROBE[:-2],
        PROBE[:5],
    ],
)
def test_other_requests_are_left_to_the_server(listener: socket.socket, request_: bytes) -> None:
    """Unread, whatever differs from a probe: path, method, host, another header, a body, or a second request."""
    early = EarlyHealth([listener], Settings())
    early.start()
    with asked(listener, request_):
        answer(listener)  # those that came before have been looked at
        (connection,) = early.close()
        with connection:
            assert connection.recv(65536) == request_


def test_silent_connections_are_left_to_the_server(listener: socket.socket) -> None:
    """With those that never sent anything."""
    early = EarlyHealth([listener], Settings())
    early.start()
    with asked(listener, b"") as client:
        answer(listener)
        (connection,) = early.close()
        with connection:
            assert connection.getpeername() == client.getsockname()


def test_clients_that_hang_up_end_nothing(early: EarlyHealth, listener: socket.socket) -> None:
    """The next probe is answered."""
    asked(listener, b"").close()
    assert answer(listener).startswith(b"HTTP/1.1 200 OK\r\n")


def test_further_connections_wait_in_the_backlog(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once as many are kept as may be, the port is left to the server."""
    monkeypatch.setattr(early_health, "MAX_CONNECTIONS", 2)
    early = EarlyHealth([listener], Settings())
    early.start()
    with ExitStack() as opened:
        opened.enter_context(asked(listener, b"GET / "))
        assert answer(listener)
        opened.enter_context(asked(listener, b"GET / "))
        late = opened.enter_context(asked(listener, PROBE))
        assert select([late], [], [], 0.1)[0] == []
        for connection in early.close():
            connection.close()
        listener.settimeout(10)
        connection, address = listener.accept()
        connection.close()
        assert address == late.getsockname()
