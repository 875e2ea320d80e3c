"""Who answered, and which document was run: what a load balancer and whoever debugs it need."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.unit.serving import running

if TYPE_CHECKING:
    from tests.conftest import Server

MODEL = {"input": [2], "layers": [{"type": "Dense", "units": 2}]}
RUN = {"model": MODEL, "inputs": [[1, 2]], "data": "none"}
INSTANCE, ID = "X-Layerscope-Instance", "X-Layerscope-Model"
PAGE = {"Origin": "http://localhost:3000"}


@pytest.fixture(scope="module")
def named(
    start_stub_server: Callable[..., AbstractContextManager[Server]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server whose instance has a name."""
    with start_stub_server(tmp_path_factory.mktemp("store"), INSTANCE="rack-1.gpu:0") as running:
        yield running


def test_every_response_names_the_instance(named: Server, dialogue: Callable[..., httpx.Response]) -> None:
    """Replies, errors of every layer, and what is refused before it is read."""
    url = named.client.base_url
    head = f"Host: {url.host}:{url.port}\r\n".encode()
    replies = [
        named.client.get("/healthz"), named.client.get("/nowhere"), named.post("/v1/activations", json=RUN),
        named.post("/v1/plan", content=b"{"), named.client.get("/v1/models", headers={"Host": "elsewhere.example"}),
        dialogue(named, b"GET / HTTP/1.1\r\n" + head + b"Bad Header: x\r\n\r\n"),
        named.client.options("/v1/plan", headers={**PAGE, "Access-Control-Request-Method": "POST"}),
    ]  # fmt: skip
    assert [reply.headers.get_list(INSTANCE) for reply in replies] == [["rack-1.gpu:0"]] * len(replies)


def test_replies_of_documents_carry_their_id(named: Server) -> None:
    """Of runs and plans of a document in the request, in every format; it is the id of the same model registered."""
    (entry := named.client.put("/v1/models/same", json=MODEL)).raise_for_status()
    bodies = [
        ("/v1/activations", RUN), ("/v1/activations", {**RUN, "format": "npz"}),
        ("/v1/plan", {"model": MODEL}), ("/v1/activations", {**RUN, "model": {**MODEL, "name": "label"}}),
    ]  # fmt: skip
    replies = [named.post(path, json=body) for path, body in bodies]
    assert [reply.headers.get(ID) for reply in replies] == [entry.json()["id"]] * len(bodies)
    other = named.post("/v1/plan", json={"model": {**MODEL, "seed": 7}})
    assert other.headers[ID] == other.json()["model"]["id"] != entry.json()["id"]
    registered = named.post("/v1/models/same/activations", json={"inputs": [[1, 2]]})
    refused = named.post("/v1/plan", json={"model": {"layers": 1}})
    assert (ID in registered.headers, ID in refused.headers) == (False, False)


@pytest.mark.parametrize("sent", ["sha256:00", "anything", "", "ü".encode()])
def test_an_id_that_is_sent_is_for_proxies_alone(named: Server, sent: Any) -> None:
    """The service runs the document, whatever the header says."""
    reply = named.post("/v1/activations", json=RUN, headers={ID: sent})
    assert (reply.status_code, reply.headers[ID]) == (200, named.post("/v1/activations", json=RUN).headers[ID])


def test_pages_may_send_and_read_both(named: Server) -> None:
    """They are among the headers of CORS."""
    asked = {**PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": ID}
    allowed = named.client.options("/v1/activations", headers=asked).headers["access-control-allow-headers"]
    exposed = named.post("/v1/activations", json=RUN, headers=PAGE).headers["access-control-expose-headers"]
    assert ID in allowed.split(", ")
    assert {INSTANCE, ID} <= set(exposed.split(", "))


@pytest.mark.parametrize(("setting", "said"), [("auto", [f"{socket.gethostname()}:8123"]), ("", [])])
async def test_the_name_is_that_of_the_machine_or_none(tmp_path: Path, setting: str, said: list[str]) -> None:
    """By default host and port; empty, the header is left out."""
    async with running(tmp_path, instance=setting, port=8123) as service, httpx.AsyncClient() as client:
        reply = await client.get(f"{service.url}/healthz")
        assert reply.headers.get_list(INSTANCE) == said


async def test_an_instance_is_not_ready_while_it_drains(tmp_path: Path) -> None:
    """From the signal on, while connections are still served."""
    async with running(tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        await client.get("/healthz")
        service.stop()
        reply = await client.get("/readyz")
        assert (reply.status_code, reply.json()["draining"]) == (503, True)
