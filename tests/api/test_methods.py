"""HEAD wherever there is GET, and the Allow header of a 405."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import StreamingResponse
from starlette.types import Message, Scope

from service.edge.head_method import HeadAsGet
from service.edge.unhandled import UnhandledErrors

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Server

WIDE: dict[str, Any] = {"input": [600], "layers": [{"type": "Dense", "units": 600, "name": "a"}]}
NAMES = {"{name}": "heads", "{type}": "Conv2D", "{address}": "a"}
WEIGHTS = "/v1/models/heads/weights"
OTHERS = [
    "/", "/docs", "/openapi.json", "/swagger/swagger-ui.css", "/assets/none.js", "/v1/models/heads?as=keras",
    "/v1/models/heads?as=nonsense", "/v1/models/nobody", "/nowhere", f"{WEIGHTS}?format=npz",
    f"{WEIGHTS}?format=jsonl", f"{WEIGHTS}?format=png",
]  # fmt: skip
OF_ONE_REPLY = {"date", "x-request-id", "transfer-encoding"}


@pytest.fixture(scope="module")
def heads(server: Server) -> Server:
    """A server with a model whose weights are streamed in many chunks."""
    server.client.put("/v1/models/heads", json=WIDE).raise_for_status()
    return server


def stable_headers(reply: httpx.Response) -> dict[str, str]:
    """Return the headers that are equal for equal requests."""
    return {name: value for name, value in reply.headers.items() if name not in OF_ONE_REPLY}


def test_every_get_route_supports_head(heads: Server) -> None:
    """Same status and headers without a body, also for errors and streams; the figures of /metrics differ each time."""
    assert (heads.client.head("/metrics").status_code, heads.client.head("/metrics").content) == (200, b"")
    described = heads.client.get("/openapi.json").json()["paths"]
    paths = [path for path, operations in described.items() if "get" in operations and path != "/metrics"]
    for name, value in NAMES.items():
        paths = [path.replace(name, value) for path in paths]
    for path in [*paths, *OTHERS]:
        whole, head = heads.client.get(path), heads.client.head(path)
        assert (head.status_code, stable_headers(head), head.content) == (
            whole.status_code,
            stable_headers(whole),
            b"",
        ), path
    assert not any("head" in operations for operations in described.values())


@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
def test_head_has_length_etag_and_coding(heads: Server, coding: str) -> None:
    """A HEAD with a known ETag is a 304."""
    accepted = {"Accept-Encoding": coding}
    for path in ("/v1/models/heads", f"{WEIGHTS}?format=safetensors"):
        whole, head = heads.client.get(path, headers=accepted), heads.client.head(path, headers=accepted)
        assert stable_headers(head) == stable_headers(whole)
        assert head.headers["etag"]
        known = heads.client.head(path, headers={**accepted, "If-None-Match": head.headers["etag"]})
        assert (known.status_code, known.headers["etag"]) == (304, head.headers["etag"])
    plain = heads.client.head(f"{WEIGHTS}?format=safetensors", headers={"Accept-Encoding": "identity"})
    assert int(plain.headers["content-length"]) > 4 * 600 * 601


@pytest.mark.parametrize(("method", "path", "methods"), [
    ("HEAD", "/v1/plan", "POST"), ("PATCH", "/v1/models/heads", "GET, HEAD, PUT, DELETE"),
    ("POST", WEIGHTS, "GET, HEAD, PUT"), ("OPTIONS", "/v1/models", "GET, HEAD"), ("PUT", "/v2", "GET, HEAD"),
    ("POST", "/swagger/swagger-ui.css", "GET, HEAD"), ("POST", "/swagger/a", "GET, HEAD"),
    ("POST", "/openapi.json", "GET, HEAD"),
])  # fmt: skip
def test_allow_lists_every_method_of_a_path(heads: Server, method: str, path: str, methods: str) -> None:
    """Also where several routes match the path."""
    reply = heads.client.request(method, path)
    assert (reply.status_code, reply.headers["allow"]) == (405, methods)
    assert method == "HEAD" or reply.json()["errors"][0]["expected"] == f"one of {methods}"


async def test_head_does_not_consume_the_stream() -> None:
    """The stream would never end."""
    sent: list[Message] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x"

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "HEAD", "asgi": {"spec_version": "2.4"}}
    await HeadAsGet(UnhandledErrors(StreamingResponse(endless())))(scope, receive, send)
    start, end = sent
    assert (start["type"], start["status"], end) == ("http.response.start", 200, {"type": "http.response.body"})
