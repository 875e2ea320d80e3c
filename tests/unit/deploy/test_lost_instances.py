"""Instances that end while they have a request: what the proxy of deploy/replicas sends to another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.conftest import free_port
from tests.unit.deploy.proxied import name_server, proxy

HOSTS = ("127.0.1.1", "127.0.1.2", "127.0.1.3")
READY = b"GET /readyz "
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Losing:
    """Instances that close the connection under the first requests that reach any of them."""

    def __init__(self) -> None:
        self.losing = 0
        self.reached: list[str] = []
        """The instances that requests reached, one after the other."""

    async def serve(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reply to the checks and requests of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if not head.startswith(READY):
                    self.reached.append(host)
                    if self.losing:
                        self.losing -= 1
                        break
                writer.write(OK)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            pass  # the proxy closed the connection, or the test is over
        writer.close()


@asynccontextmanager
async def behind_proxy(folder: Path) -> AsyncIterator[tuple[Losing, httpx.AsyncClient]]:
    """Run three such instances behind the proxy, which has found them."""
    instances, port, instance_port = Losing(), free_port(), free_port()
    async with AsyncExitStack() as stack:
        for host in HOSTS:
            serve = partial(instances.serve, host)
            await stack.enter_async_context(await asyncio.start_server(serve, host, instance_port))
        names = stack.enter_context(name_server(*HOSTS))
        stack.enter_context(proxy(names, port, instance_port, folder / "haproxy.log"))
        transport = httpx.AsyncHTTPTransport(retries=100)  # until the proxy listens
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, transport=transport)
        await stack.enter_async_context(client)
        async with asyncio.timeout(60):
            while set(instances.reached) != set(HOSTS):
                await client.post("/v1/plan")
        yield instances, client


@pytest.mark.parametrize(
    ("method", "lost", "status", "sent"),
    [("POST", 1, 200, 2), ("GET", 1, 200, 2), ("POST", 9, 502, 3), ("PUT", 1, 502, 1), ("DELETE", 1, 502, 1)],
)
async def test_what_ended_with_its_instance_is_sent_to_another(
    tmp_path: Path, method: str, lost: int, status: int, sent: int
) -> None:
    """A run and a read, twice at most, but nothing that may have changed a name. On a connection that
    was used before, HAProxy closes it in place of the 502.
    """
    async with behind_proxy(tmp_path) as (instances, client):
        instances.reached.clear()
        instances.losing = lost
        async with httpx.AsyncClient(base_url=client.base_url, timeout=30) as fresh:
            reply = await fresh.request(method, "/v1/models/any/activations")
    assert (reply.status_code, len(instances.reached)) == (status, sent)
    assert len(set(instances.reached)) >= min(sent, 2)
    if status == 502:
        assert reply.json()["code"] == "instance_lost"
