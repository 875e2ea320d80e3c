"""The HTTP edge: headers of every response, and checks of origin, host and the size of the request head."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from service.access.origins import EXPOSED_HEADERS
from service.app import create_app
from service.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Server

Dialogue = Callable[..., httpx.Response]

MODEL: dict[str, Any] = {
    "input": [4, 4, 1],
    "layers": [{"type": "Conv2D", "filters": 2, "kernel_size": 3, "name": "a"}],
}
RUN = {"model": MODEL, "inputs": [[[1]] * 4] * 4}
PAGE, STRANGER = "http://localhost:5173", "https://evil.example"
NAMES = {"name": "edge", "type": "Conv2D", "address": "a", "kind": "x", "action": "y"}
HEAD = b"Host: localhost\r\nOrigin: http://localhost:5173\r\n"
LAST = HEAD + b"Connection: close\r\n\r\n"
LONG = b"x" * 40_000


@pytest.fixture(scope="module")
def edge(server: Server) -> Server:
    """A server with a registered model."""
    server.client.put("/v1/models/edge", json=MODEL).raise_for_status()
    return server


def readable(reply: httpx.Response) -> str | None:
    """Return why a page at PAGE cannot read a response, or which header is missing; None when all is well."""
    headers = reply.headers
    if headers.get("access-control-allow-origin") != PAGE:
        return "no access-control-allow-origin"
    if "etag" not in headers["access-control-expose-headers"].lower():
        return "hidden headers"
    if "origin" not in headers["vary"].lower().split(", "):
        return "no vary"
    complete = headers["x-content-type-options"] == "nosniff" and headers["cache-control"] and headers["x-request-id"]
    return None if complete else "something else"


def replies(edge: Server, dialogue: Dialogue) -> dict[str, httpx.Response]:
    """Return responses from every layer of the service, for a page's requests."""
    client, page = edge.client, {"Origin": PAGE}

    def get(path: str, **headers: str) -> httpx.Response:
        return client.get(path, headers=page | headers)

    def post(path: str, **arguments: Any) -> httpx.Response:
        return client.post(path, **{**arguments, "headers": page | arguments.get("headers", {})})

    wide = {"model": {"input": [4], "layers": [{"type": "Dense", "units": 200_000}]}, "inputs": [1, 2, 3, 4]}
    weights = "/v1/models/edge/weights"
    return {
        "200": post("/v1/activations", json=RUN),
        "stream": post("/v1/activations?format=npz", json=wide),
        "lines": post("/v1/activations?format=jsonl", json=RUN),
        "picture": get(f"{weights}?format=png"),
        "304": get(weights, **{"If-None-Match": get(weights).headers["etag"]}),
        "head": client.head("/v1/models", headers=page),
        "204": client.delete("/v1/models/edge-gone", headers=page),
        "404": get("/nowhere"), "405": get("/v1/activations"), "415": post("/v1/plan", content=b"x", headers={
            "Content-Type": "text/plain"}),
        "encoding": post("/v1/plan", content=b"x", headers={"Content-Encoding": "br"}),
        "422": post("/v1/plan", json={}),
        "v2": get("/v2"), "v2 error": post("/v2/models/edge/infer", json={}), "v2 404": get("/v2/nowhere"),
        "docs": get("/docs"), "files": get("/swagger/swagger-ui.css"), "openapi": get("/openapi.json"),
        "ready": get("/readyz"),
        "413": dialogue(edge, b"POST /v1/plan HTTP/1.1\r\nConnection: close\r\nContent-Length: 999999999\r\n" + HEAD
                        + b"\r\n"),
        "414": dialogue(edge, b"GET /" + LONG + b" HTTP/1.1\r\n" + HEAD + b"\r\n"),
        "431": dialogue(edge, b"GET / HTTP/1.1\r\n" + HEAD + b"X: " + LONG + b"\r\n\r\n"),
        "400": dialogue(edge, b"GET / HTTP/1.1\r\n" + HEAD + b"X: 1\r\nBad Header: x\r\n\r\n"),
        "501": dialogue(edge, b"CONNECT localhost:80 HTTP/1.1\r\n" + HEAD + b"\r\n"),
    }  # fmt: skip


def test_allowed_origins_can_read_every_response(edge: Server, dialogue: Dialogue) -> None:
    """From every layer of the service and with every status."""
    edge.client.put("/v1/models/edge-gone", json=MODEL).raise_for_status()
    found = replies(edge, dialogue)
    assert {what: why for what, reply in found.items() if (why := readable(reply)) is not None} == {}
    assert {what: str(reply.status_code) for what, reply in found.items() if what.isdigit()} == {
        what: what for what in found if what.isdigit()
    }
    own = {name for reply in found.values() for name in reply.headers if name.startswith(("x-layerscope", "etag"))}
    assert own <= set(EXPOSED_HEADERS.lower().split(", "))
    for what in ("docs", "picture"):
        assert "frame-ancestors 'none'" in found[what].headers["content-security-policy"]
        assert found[what].headers["cross-origin-resource-policy"] in ("same-origin", "same-site")


def test_foreign_origins_get_no_cors_headers(edge: Server) -> None:
    """GET is served without them, and `Vary` contains Origin."""
    for path in ("/v1/models", "/nowhere", "/v2", "/docs"):
        for origin in (STRANGER, "null", f"{PAGE}.evil.example"):
            reply = edge.client.get(path, headers={"Origin": origin})
            assert not [name for name in reply.headers if name.startswith("access-control")]
            assert "origin" in reply.headers["vary"].lower()


def test_preflights_succeed_on_every_route(edge: Server) -> None:
    """For every method of every path, also unknown paths, with arbitrary request headers."""
    paths = {path: list(operations) for path, operations in edge.client.get("/openapi.json").json()["paths"].items()}
    failures = []
    for path, methods in {**paths, "/nowhere": ["get", "post"], "/docs": ["get"]}.items():
        address = re.sub(r"\{(\w+)[^}]*\}", lambda name: NAMES.get(name[1], "x"), path)
        for method in methods:
            headers = {"Origin": PAGE, "Access-Control-Request-Method": method.upper(),
                       "Access-Control-Request-Headers": "content-type,x-mine"}  # fmt: skip
            reply = edge.client.options(address, headers=headers)
            told = {
                name: reply.headers.get(f"access-control-allow-{name}", "") for name in ("origin", "methods", "headers")
            }
            good = (
                told["origin"] == PAGE and method.upper() in told["methods"] and told["headers"].startswith("*, Auth")
            )
            good &= set(headers).issubset(", ".join(reply.headers.get_list("vary")).split(", "))
            failures += [] if good and reply.status_code == 204 and not reply.content else [(method, path, told)]
    assert failures == []


def test_preflights_of_foreign_origins_are_rejected(edge: Server) -> None:
    """With a 403 problem, and without access to private networks."""
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}
    refused = edge.client.options("/v1/plan", headers={"Origin": STRANGER, **asks})
    allowed = edge.client.options("/v1/plan", headers={"Origin": PAGE, **asks})
    assert (refused.status_code, refused.json()["code"]) == (403, "cross_site")
    assert "access-control-allow-private-network" not in refused.headers
    assert allowed.headers["access-control-allow-private-network"] == "true"


CROSS = {"Sec-Fetch-Site": "cross-site"}
ACTS: list[tuple[dict[str, str], bool]] = [
    ({}, True), ({"Origin": PAGE}, True), ({"Origin": PAGE, **CROSS}, True), ({"Sec-Fetch-Site": "none"}, True),
    ({"Origin": STRANGER}, False), ({"Origin": "null"}, False), (CROSS, False), ({"Origin": STRANGER, **CROSS}, False),
]  # fmt: skip


def test_cross_site_writes_are_rejected(edge: Server) -> None:
    """Every method but GET, HEAD and OPTIONS gets a 403 and has no effect."""
    failures = []
    for method, path in (("POST", "/v1/plan"), ("PUT", "/v1/models/edge"), ("DELETE", "/v1/models/nobody"),
                         ("POST", "/v2/repository/index"), ("POST", "/v2/models/edge/infer"), ("PATCH", "/v1/models"),
                         ("POST", "/nowhere")):  # fmt: skip
        for headers, passes in ACTS:
            reply = edge.client.request(method, path, json=MODEL, headers=headers)
            failures += [] if (reply.status_code != 403) is passes else [(method, path, headers, reply.status_code)]
    assert failures == []
    headers = {"Origin": STRANGER, "Content-Type": "text/plain"}
    refused = edge.client.post("/v2/repository/models/edge/unload", content=b"{}", headers=headers)
    assert (refused.status_code, "LAYERSCOPE_ORIGINS" in refused.json()["error"]) == (403, True)
    assert edge.client.get("/v2/models/edge/ready").status_code == 200
    assert edge.client.delete("/v1/models/edge", headers={"Origin": STRANGER}).status_code == 403
    assert edge.client.get("/v1/models", headers={"Origin": STRANGER, **CROSS}).status_code == 200


HOSTS = {
    b"": 400, b"Host: localhost\r\nHost: localhost\r\n": 400, b"Host: a b\r\n": 400, b"Host: localhost/x\r\n": 400,
    b"Host: \r\n": 400, b"Host: u@localhost\r\n": 400, b"Host: localhost:x\r\n": 400, b"Host: \xe9\r\n": 400,
    b"Host: evil.example\r\n": 421, b"Host: 10.0.0.1:80\r\n": 421, b"Host: localhost.evil.example\r\n": 421,
    b"Host: [::1]:80\r\n": 200, b"HOST: LocalHost.\r\n": 200,
}  # fmt: skip


def test_the_host_header_is_validated(edge: Server, dialogue: Dialogue) -> None:
    """Exactly one, well formed, and on loopback not a name subject to DNS rebinding."""
    found = {}
    for host in HOSTS:
        reply = dialogue(edge, b"GET /healthz HTTP/1.1\r\nConnection: close\r\n" + host + b"\r\n")
        assert reply.status_code == 200 or reply.headers["content-type"] == "application/problem+json"
        found[host] = reply.status_code
    assert found == HOSTS
    assert dialogue(edge, b"GET /healthz HTTP/1.0\r\n\r\n").status_code == 200


def fields(count: int) -> bytes:
    """Build this many headers."""
    return b"".join(b"X-%d: 1\r\n" % number for number in range(count))


FIRST = b"GET /healthz HTTP/1.1\r\n" + HEAD
HEADS: list[tuple[list[bytes], int, str]] = [
    ([FIRST + b"X: " + b"x" * 32_000 + b"\r\nConnection: close\r\n\r\n"], 200, ""),
    ([FIRST + fields(97) + b"Connection: close\r\n\r\n"], 200, ""),
    ([b"GET /healthz?" + b"q" * 16_000 + b" HTTP/1.1\r\nConnection: close\r\n" + HEAD + b"\r\n"], 200, ""),
    ([FIRST + b"X: " + b"x" * 33_000 + b"\r\n\r\n"], 431, "32,768 bytes"),
    ([FIRST + b"X: " + b"x" * 60_000, b"x" * 10_000 + b"\r\n\r\n"], 431, "32,768 bytes"),
    ([FIRST + b"X: " + b"x" * 33_000, b"\r\n\r\n"], 431, "32,768 bytes"),
    ([FIRST + b"X: ", *[b"x" * 60_000] * 20], 431, "32,768 bytes"),
    ([FIRST + fields(99) + b"\r\n"], 431, "100 headers"),
    ([FIRST, *[fields(10_000)] * 3, b"\r\n"], 431, "100 headers"),
    ([b"GET /" + b"x" * 16_384 + b" HTTP/1.1\r\n" + HEAD + b"\r\n"], 414, "16,384 bytes"),
    ([b"GET /", *[b"x" * 60_000] * 20, b" HTTP/1.1\r\n" + HEAD + b"\r\n"], 414, "16,384 bytes"),
    ([b"POST /v2/models/a/infer?" + LONG + b" HTTP/1.1\r\n" + HEAD + b"\r\n"], 414, "16,384 bytes"),
    ([b"BREW / HTTP/1.1\r\n" + HEAD + b"\r\n"], 501, "GET, HEAD"),
    ([b"get / HTTP/1.1\r\n" + HEAD + b"\r\n"], 501, "GET, HEAD"),
    ([b"CONNECT localhost:80 HTTP/1.1\r\n" + HEAD + b"\r\n"], 501, "GET, HEAD"),
    ([b"B", b"R", b"EW / HTTP/1.1\r\n" + HEAD + b"\r\n"], 501, "GET, HEAD"),
    ([b"hello\r\n\r\n"], 400, ""),
    ([b"\x16\x03\x01\x02\x00\x01"], 400, ""),
    ([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], 400, ""),
    ([b"POST /v1/plan HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\nzz\r\n"], 400, ""),
    *[
        ([b"POST /v1/plan HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n"], 400, expected)
        for coding, expected in [(b"identity, chunked", "chunked"), (b"gzip, chunked", "chunked"), (b"xchunked", "")]
    ],
    ([b"GET http://evil.example/healthz HTTP/1.1\r\n" + LAST], 421, ""),
    ([b"GET HTTP://localhost@evil.example/ HTTP/1.1\r\n" + LAST], 421, ""),
    ([b"GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"], 200, ""),
]


def test_oversized_and_malformed_heads_are_rejected(edge: Server, dialogue: Dialogue) -> None:
    """With a problem document, before the connection is closed."""
    failures = []
    for sent, status, expected in HEADS:
        reply = dialogue(edge, *sent)
        told = reply.json()
        good = reply.status_code == status and (status == 200 or (told["status"] == status and told["request_id"]))
        good = good and (not expected or expected in told["errors"][0]["expected"])
        failures += [] if good and len(reply.content) < 1024 else [(sent[0][:60], reply.status_code, told)]
    assert failures == []


def test_a_rejection_follows_earlier_pipelined_responses(edge: Server, dialogue: Dialogue) -> None:
    """A request pipelined before the invalid one on its connection is answered first."""
    first = b"POST /v1/plan HTTP/1.1\r\n" + HEAD + b"Content-Length: 2\r\n\r\n{}"
    both = dialogue(edge, first + b"GET / HTTP/1.1\r\n" + HEAD + b"X: " + LONG + b"\r\n\r\n")
    assert both.status_code == 422
    assert b"HTTP/1.1 431 " in both.content


def test_unknown_content_codings_are_rejected(edge: Server) -> None:
    """A 415 lists the accepted ones; none and `identity` are accepted, and /v2 accepts two."""
    body = json.dumps({"model": MODEL}).encode()

    def sent(path: str, coding: str) -> httpx.Response:
        return edge.client.post(path, content=body, headers={"Content-Encoding": coding})

    for coding in ("deflate", "br", "zstd, gzip", "x" * 1000):
        reply = sent("/v1/plan", coding)
        assert (reply.status_code, reply.headers["accept-encoding"]) == (415, "gzip, zstd"), coding
    assert [sent("/v1/plan", coding).status_code for coding in ("", "identity", "Identity", "identity, identity")] == [
        200
    ] * 4
    reply = sent("/v2/models/edge/infer", "br")
    assert (reply.status_code, reply.headers["accept-encoding"]) == (501, "gzip, deflate")


@pytest.mark.parametrize(("origins", "allowed"), [("*", "*"), ("https://evil.example", STRANGER), ("none", None)])
async def test_origin_and_host_settings_are_honored(tmp_path: Path, origins: str, allowed: str | None) -> None:
    """The operator decides which origins and hosts are allowed."""
    app = create_app(Settings(data_dir=str(tmp_path), origins=origins, hosts="box.lan", log="off"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://box.lan") as client:
        headers = {"Origin": STRANGER, **CROSS}
        replies = [await client.get("/healthz", headers=headers), await client.post("/healthz", headers=headers)]
    assert [reply.headers.get("access-control-allow-origin") for reply in replies] == [allowed] * 2
    assert [reply.status_code for reply in replies] == [200, 405 if allowed else 403]
