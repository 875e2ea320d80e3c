"""The proxy of deploy/replicas before three instances: which one gets a request, and what it hears of the client."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.conftest import free_port
from tests.unit.deploy.proxied import NameServer, name_server, proxy
from tests.unit.serving import Running, StubPool, running

HOSTS = ("127.0.1.1", "127.0.1.2", "127.0.1.3")
MODELS = [f"model-{number}" for number in range(24)]
RUN = {"input": [2], "layers": [{"type": "Dense", "units": 1}]}


@dataclass
class Seen:
    """A request as an instance got it."""

    instance: str
    path: str
    client: str
    headers: dict[str, str]


@dataclass
class Replicas:
    """Instances behind a proxy, a client of it, and the requests that reached each instance's application."""

    instances: dict[str, Running]
    names: NameServer
    client: httpx.AsyncClient
    seen: list[Seen]

    async def instance_of(self, method: str, path: str, **options: Any) -> str:
        """Send a request and return the instance that got it."""
        self.seen.clear()
        reply = await self.client.request(method, path, **options)
        assert reply.status_code != 503, reply.text
        (one,) = [seen for seen in self.seen if seen.path != "/readyz"]
        return one.instance

    async def wait_for(self, *hosts: str) -> None:
        """Wait until requests of any model reach these instances, and no other."""
        async with asyncio.timeout(60):
            while await self._reached() != set(hosts):  # noqa: ASYNC110 (there are no events for it)
                await asyncio.sleep(0.2)

    async def _reached(self) -> set[str]:
        self.seen.clear()
        replies = [await self.client.get(f"/v1/models/{name}") for name in MODELS]
        ready = all(reply.status_code == 404 for reply in replies)
        return {seen.instance for seen in self.seen if seen.path != "/readyz"} if ready else set()


def watching(instance: str, seen: list[Seen]) -> Any:
    """Return a wrapper of an application that notes each request."""

    def around(app: ASGIApp) -> ASGIApp:
        async def noting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                headers = {name.decode(): value.decode() for name, value in scope["headers"]}
                seen.append(Seen(instance, scope["path"], scope["client"][0], headers))
            await app(scope, receive, send)

        return noting

    return around


@asynccontextmanager
async def replicas(folder: Path, **options: Any) -> AsyncIterator[Replicas]:
    """Run three instances behind the proxy. `options` are those of each."""
    port, instance_port, seen = free_port(), free_port(), list[Seen]()
    async with AsyncExitStack() as stack:
        services = [
            running(folder, address=(host, instance_port), around=watching(host, seen), **options) for host in HOSTS
        ]
        instances = await asyncio.gather(*(stack.enter_async_context(service) for service in services))
        names = stack.enter_context(name_server(*HOSTS))
        stack.enter_context(proxy(names, port, instance_port, folder / "haproxy.log"))
        transport = httpx.AsyncHTTPTransport(retries=100)  # until the proxy listens
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, transport=transport)
        all_of_them = Replicas(
            dict(zip(HOSTS, instances, strict=True)), names, await stack.enter_async_context(client), seen
        )
        await all_of_them.wait_for(*HOSTS)
        yield all_of_them


async def test_requests_are_sent_where_the_model_is(tmp_path: Path) -> None:
    """By its name in any path of either protocol, or by the id of an inline document; the client's address is true."""
    async with replicas(tmp_path) as proxied:
        by_model = {name: await proxied.instance_of("GET", f"/v1/models/{name}") for name in MODELS}
        for name in MODELS[:6]:
            await every_path_leads_to(proxied, name, by_model[name])
        await inline_documents_follow_their_id(proxied)
        await clients_are_forwarded(proxied)
        await instances_answer_for_themselves(proxied)
        await a_model_stays_where_it_is(proxied, by_model)
    shares = Counter(by_model.values())
    assert min(shares[host] for host in HOSTS) >= 3


async def every_path_leads_to(proxied: Replicas, name: str, instance: str) -> None:
    encoded = f"%{ord(name[0]):02x}{name[1:]}".replace("-", "%2D")
    for path in (f"/v1/models/{name}/weights?layers=a", f"/v1/models/{encoded}", f"/v2/models/{name}",
                 f"/v2/models/{encoded}/ready", f"/v1/models/{name}/layers/dense/weights"):  # fmt: skip
        assert await proxied.instance_of("GET", path) == instance
    for path in (f"/v1/models/{name}/activations", f"/v2/models/{name}/infer", f"/v2/repository/models/{name}/load"):
        assert await proxied.instance_of("POST", path, json={}) == instance


async def inline_documents_follow_their_id(proxied: Replicas) -> None:
    """Without an id they go to any."""
    body = {"model": RUN}
    for number in range(4):
        headers = {"X-Layerscope-Model": f"sha256:{number}"}
        paths = ("/v1/plan", "/v1/activations", "/v1/explanations")
        asked = [await proxied.instance_of("POST", path, json=body, headers=headers) for path in paths]
        assert len(set(asked)) == 1
    without = Counter([await proxied.instance_of("POST", "/v1/plan", json=body) for _ in range(40)])
    assert set(without) == set(HOSTS)


async def clients_are_forwarded(proxied: Replicas) -> None:
    """The application has the address of the proxy's client, not that which the client claims, nor the proxy's."""
    address = httpx.AsyncHTTPTransport(local_address="127.0.0.77")
    async with httpx.AsyncClient(base_url=proxied.client.base_url, transport=address) as other:
        proxied.seen.clear()
        await other.get("/v1/models/any", headers={"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"})
    (seen,) = [seen for seen in proxied.seen if seen.path != "/readyz"]
    assert (seen.client, seen.headers["x-forwarded-for"]) == ("127.0.0.77", "127.0.0.77")
    assert seen.headers["x-forwarded-proto"] == "http"


async def instances_answer_for_themselves(proxied: Replicas) -> None:
    """Errors are those of the service, heads of its size pass, and metrics are not those of a random instance."""
    long = await proxied.client.get("/v1/models/any", headers={"X-Long": "x" * 30_000})
    assert (long.status_code, long.json()["code"]) == (404, "not_found")
    longer = await proxied.client.get("/v1/models/any", headers={"X-Long": "x" * 34_000})
    assert (longer.status_code, longer.json()["code"]) == (431, "headers_too_large")
    assert (await proxied.client.get("/metrics")).status_code == 404


async def a_model_stays_where_it_is(proxied: Replicas, by_model: dict[str, str]) -> None:
    """Models of an instance that is gone move, the others stay; all are as before when it is back."""
    proxied.names.addresses.remove(gone := HOSTS[1])
    await proxied.wait_for(*(host for host in HOSTS if host != gone))
    moved = {name: await proxied.instance_of("GET", f"/v1/models/{name}") for name in MODELS}
    assert {name for name in MODELS if moved[name] != by_model[name]} == {
        name for name in MODELS if by_model[name] == gone
    }
    proxied.names.addresses.append(gone)
    await proxied.wait_for(*HOSTS)
    assert {name: await proxied.instance_of("GET", f"/v1/models/{name}") for name in MODELS} == by_model


async def test_no_request_is_lost_while_an_instance_stops(tmp_path: Path) -> None:
    """It completes those that it has, and others go on elsewhere, whether or not the proxy has noticed."""
    body = {"model": RUN | {"name": "stall 0.2"}, "inputs": [[1.0, 2.0]]}
    async with replicas(tmp_path, pool=StubPool, deadline=10) as proxied:
        busy = await proxied.instance_of("GET", f"/v1/models/{MODELS[0]}")
        tasks = []
        for number in range(30):
            headers = {"X-Layerscope-Model": MODELS[number % 24]}
            tasks.append(asyncio.create_task(proxied.client.get(f"/v1/models/{MODELS[number % 24]}")))
            tasks.append(asyncio.create_task(proxied.client.post("/v1/activations", json=body, headers=headers)))
            await asyncio.sleep(0.02)
            if number == 10:
                proxied.instances[busy].stop()
        replies = [await task for task in tasks]
    assert Counter(reply.status_code for reply in replies) == {404: 30, 200: 30}
