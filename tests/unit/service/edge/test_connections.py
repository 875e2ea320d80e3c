"""Connections over a limit, at the end of their time, and without a request."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from service.edge.connections import RUNS, Connection
from tests.unit.serving import running

OPENAPI = Path(__file__).parents[4] / "openapi" / "openapi.json"
PLANS = ("/v1/plan",)
GET = b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n"


class ClosedTransport(asyncio.Transport):
    """A transport whose client has hung up."""

    def is_closing(self) -> bool:
        return True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        closed = socket.socket()
        closed.close()
        return closed if name == "socket" else default


def test_every_route_that_runs_a_network_is_a_run() -> None:
    """Those whose replies have what one took: connections over their limits are not read for them."""
    paths = json.loads(OPENAPI.read_text(encoding="utf-8"))["paths"]
    running_paths = [path for path, methods in paths.items() if "504" in methods.get("post", {}).get("responses", {})]
    named = [path.replace("{name}", "a").replace("{model_name}", "a") for path in running_paths]
    runs = [path for path in named if path not in PLANS]
    assert len(runs) > 6
    assert [path for path in runs if not RUNS.search(path.encode())] == []


def test_a_timer_may_end_after_the_connection() -> None:
    """It used to look for unread data on the closed socket, which raises: a line of error in the log."""
    connection = Connection.__new__(Connection)
    connection.transport = ClosedTransport()
    connection.timeout_keep_alive_handler()


async def test_a_client_has_no_more_than_its_share_of_connections(tmp_path: Path) -> None:
    """One over it gets a 503 that says so, except on health checks, and is closed; others are served."""
    async with running(tmp_path, client_connections=1) as one:
        first, second, third = await one.client(), await one.client(), await one.client()
        second.send(GET % b"/v1/models")
        status, headers, body = await second.reply()
        assert (status, body["code"], headers["connection"]) == (503, "too_many_connections", "close")
        assert body["detail"] == "1 connections of this client are open already."
        third.send(GET % b"/healthz")
        assert (await third.reply())[0] == 200
        assert await second.is_closed()
        assert await third.is_closed()
        first.send(GET % b"/v1/models")
        assert (await first.reply())[0] == 200


async def test_an_upgrade_is_not_taken(tmp_path: Path) -> None:
    """The request is served without it (RFC 9110 section 7.8)."""
    async with running(tmp_path) as one:
        client = await one.client()
        client.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert (await client.reply())[2] == {"live": True}


async def test_a_malformed_rest_of_an_answered_body_closes_the_connection(tmp_path: Path) -> None:
    """The response was sent before: there is no second one."""
    async with running(tmp_path) as one:
        client = await one.client()
        client.send(b"POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        assert (await client.reply())[0] == 404
        client.send(b"this is no chunk\r\n")
        assert await client.is_closed()


@pytest.mark.parametrize("start", [b"\r\n\r\n\0", b"\0", b"\r\n" * 50_000])
async def test_what_is_no_request_is_refused(tmp_path: Path, start: bytes) -> None:
    """Although none has begun."""
    async with running(tmp_path) as one:
        client = await one.client()
        client.send(start)
        status, headers, body = await client.reply()
        assert (status, headers["connection"]) in ((400, "close"), (431, "close"))
        assert body["code"] in ("bad_request", "headers_too_large")
        assert await client.is_closed()
