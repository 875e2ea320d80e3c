"""Requests rejected by their head: fast, without the application, in the usual shape."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from models.errors import Overloaded
from service.access.authentication import Authenticator
from service.access.key_file import KeyFile
from service.access.keys import new_key
from tests.unit.serving import Client, Open, running

RUN = b"POST /v1/models/one/activations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\nX-Request-ID: mine\r\n"
PAGE = b"Origin: http://localhost:3000\r\n"
PREFLIGHT = b"OPTIONS /v1/activations HTTP/1.1\r\nHost: localhost\r\nAccess-Control-Request-Method: POST\r\n" + PAGE
BODY = bytes(100_000)


class Full(Open):
    """A gate whose queues are full."""

    def refusal(self, client: str) -> Overloaded | None:
        """Reject every client."""
        assert client == "127.0.0.1"
        return Overloaded("", (), 2.5)


async def send_head(client: Client, head: bytes = RUN) -> tuple[int, dict[str, str], dict[str, object]]:
    """Send only the head of a request and return the response."""
    client.send(head + b"\r\n")
    return await client.reply()


async def test_requests_are_rejected_before_the_body(tmp_path: Path) -> None:
    """The body is discarded, and the connection serves the next request."""
    async with running(tmp_path, gate=Full()) as one:
        client = await one.client()
        for _ in range(3):
            status, headers, body = await send_head(client)
            assert (status, headers["retry-after"], headers["x-request-id"]) == (503, "3", "mine")
            assert (body["code"], body["request_id"]) == ("overloaded", "mine")
            assert body["instance"] == "/v1/models/one/activations"
            client.send(BODY)
        client.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await client.reply())[0] == 200


@pytest.mark.parametrize("extra", [b"", PAGE, b"Connection: close\r\n"])
async def test_early_rejections_equal_those_of_the_application(tmp_path: Path, extra: bytes) -> None:
    """In headers and members; the application rejects requests of a proxy."""
    replies = []
    async with running(tmp_path, gate=Full()) as one:
        for head in (RUN + extra, RUN.replace(b"one", b"two") + extra + b"X-Forwarded-For: 10.0.0.1\r\n"):
            client = await one.client()
            client.send(head + b"\r\n" + BODY)
            replies.append(await client.reply())
    (_, at_once, _), (status, by_application, body) = replies
    varying = {"retry-after", "content-length", "date"}
    assert status != 503, body
    assert by_application.keys() <= at_once.keys()
    assert {name: value for name, value in at_once.items() if name in by_application and name not in varying} == {
        name: value for name, value in by_application.items() if name not in varying
    }


async def test_preflights_and_plans_are_not_rejected(tmp_path: Path) -> None:
    """They need no slot in a queue."""
    async with running(tmp_path, gate=Full()) as one:
        client = await one.client()
        client.send(PREFLIGHT + b"\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b" 204 " in head.partition(b"\r\n")[0]
        assert (await send_head(client, b"GET /v1/activations HTTP/1.1\r\nHost: localhost\r\n"))[0] == 405


@pytest.mark.parametrize(
    ("version", "extra"), [(b"1.0", b""), (b"1.1", b"Connection: close\r\n"), (b"1.0", b"Connection: close\r\n")]
)
async def test_a_connection_to_be_closed_is_closed(tmp_path: Path, version: bytes, extra: bytes) -> None:
    """The client can read the response although it is still sending."""
    async with running(tmp_path, gate=Full()) as one:
        client = await one.client()
        status, headers, _ = await send_head(client, RUN.replace(b"HTTP/1.1", b"HTTP/" + version) + extra)
        client.send(BODY)
        assert (status, headers["connection"]) == (503, "close")
        assert await client.is_closed()


async def test_responses_are_in_the_order_of_requests(tmp_path: Path) -> None:
    """A rejection waits for the preceding response."""
    async with running(tmp_path, gate=Full()) as one:
        client = await one.client()
        client.send(b"GET /v1/layers HTTP/1.1\r\nHost: localhost\r\n\r\n" + RUN + b"\r\n" + BODY)
        assert [(await client.reply())[0] for _ in range(2)] == [200, 503]


async def test_a_hundred_concurrent_requests_are_rejected(tmp_path: Path) -> None:
    """Each gets a 503."""
    async with running(tmp_path, connections=200, gate=Full()) as one:
        clients = [await one.client() for _ in range(100)]
        assert {status for status, _, _ in await asyncio.gather(*map(send_head, clients))} == {503}


async def test_answered_requests_are_not_counted(tmp_path: Path) -> None:
    """Neither a run rejected before its body, nor those of a disconnected client."""
    gate = Open()
    async with running(tmp_path, gate=gate) as one:
        client, gone = await one.client(), await one.client()
        assert (await send_head(client))[0] == 404
        client.send(BODY + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await client.reply())[0] == 200
        gone.send((RUN + b"\r\n" + BODY) * 3)
        gone.writer.close()
        while len(one.server.server_state.connections) > 1:  # noqa: ASYNC110 (there is no event for it)
            await asyncio.sleep(0.01)
        assert gate.arrivals.by_client == {}


async def test_a_run_without_a_key_is_not_told_of_the_queue(tmp_path: Path) -> None:
    """It is refused for its key, and takes no part in the queue."""
    secret, line = new_key("alice")
    (tmp_path / "keys").write_text(line)
    gate = KeyedGate()
    async with running(tmp_path, gate=gate, keys=Authenticator(KeyFile(tmp_path / "keys"))) as one:
        assert (await send_head(await one.client()))[0] == 401
        assert (await send_head(await one.client(), RUN + b"X-API-Key: wrong\r\n"))[0] == 401
        assert gate.asked == []
        for more in (b"", b"X-Forwarded-For: 10.0.0.1\r\n"):
            head = RUN + more + b"X-API-Key: " + secret.encode() + b"\r\n"
            assert (await send_head(await one.client(), head))[0] == 503
        assert gate.asked == ["key alice"] * 2


class KeyedGate(Open):
    """A gate whose queues are full, which keeps the clients that it was asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def refusal(self, client: str) -> Overloaded | None:
        """Reject every client."""
        self.asked.append(client)
        return Overloaded("", (), 2.5)


class Shared(Full):
    """A gate whose queues are full while other clients send runs, too."""

    def floods_beside_others(self, client: str) -> bool:
        """Return that there are some."""
        return client == "127.0.0.1"


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(("gate", "seconds"), [(Shared(), 0.01), (Full(), 3600.0)])
async def test_a_refused_connection_is_read_again(
    tmp_path: Path, gate: Full, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a pause while other clients send runs, else at once."""
    monkeypatch.setattr("service.edge.connections.REFUSED_PAUSE_SECONDS", seconds)
    async with running(tmp_path, gate=gate) as one:
        refused = await one.client()
        assert (await send_head(refused, RUN.replace(b"100000", b"0")))[0] == 503
        refused.send(HEALTH)
        assert (await refused.reply())[0] == 200


async def test_a_refused_connection_is_not_read_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its next request waits, those on other connections do not; at its end the server waits 5 s."""
    monkeypatch.setattr("service.edge.connections.REFUSED_PAUSE_SECONDS", 3600.0)
    async with running(tmp_path, gate=Shared(), deadline=0.1) as one:
        refused, other = await one.client(), await one.client()
        assert (await send_head(refused, RUN.replace(b"100000", b"0")))[0] == 503
        refused.send(HEALTH)
        waiting = asyncio.create_task(refused.reply())
        for _ in range(3):
            other.send(HEALTH)
            assert (await other.reply())[0] == 200
        assert not waiting.done()
        waiting.cancel()
