"""Responses to arbitrary requests conform to the OpenAPI document in status, type and shape.

This is a small fixed sample of the thousands that `scripts/acceptance openapi` draws.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from tests.conftest import Server

SPECIFICATION: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "openapi" / "openapi.json").read_text(encoding="utf-8")
)
TINY = {"input": [4, 4, 1], "layers": [{"type": "Conv2D", "filters": 2, "kernel_size": 3, "padding": "same"},
                                       {"type": "Flatten"}, {"type": "Dense", "units": 2}]}  # fmt: skip
PATH = {"name": "described", "type": "Conv2D", "address": "dense"}
TEXTS = ("", "-1", "1e400", "null", "[]", "é, 😀", "a" * 2000)
"""Values of query parameters, headers and form fields."""
VALUES = (None, True, -1, 1e300, "nonsense", [[]], {"a": 1})
"""Values of members of JSON bodies."""
NAMES = ("nobody", "sha256:0", "%00", "%F0%9F%98%80", "a" * 300)
BODIES = (b"", b"null", b"[]", b'"x"', b"{", b'{"a": 1', b"\xff\xfe", b'{"\xed\xa0\x80": 1}', b"PK\x03\x04", b"--b--")
"""Whole bodies."""
Sent = tuple[str, dict[str, Any], dict[str, Any]]
"""Method and path, the operation of the specification, and the request."""


def requests() -> Iterator[Sent]:
    """Yield requests of every operation, each with one invalid parameter, body member or body."""
    for path, methods in SPECIFICATION["paths"].items():
        for method, operation in methods.items():
            for request in (*parameters(operation), *names(path), *bodies(operation)):
                yield f"{method} {path}", operation, request


def parameters(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield values of one query parameter or header at a time."""
    for parameter in operation.get("parameters", ()):
        for text in TEXTS:
            if parameter["in"] == "query":
                yield {"params": {parameter["name"]: text}}
            elif parameter["in"] == "header":
                yield {"headers": {parameter["name"]: text.encode()}}


def names(path: str) -> Iterator[dict[str, Any]]:
    """Yield path parameters."""
    if "{" in path:
        yield from ({"names": dict.fromkeys(PATH, text)} for text in NAMES)


def bodies(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield bodies of every accepted media type and of one that is not accepted."""
    content = operation.get("requestBody", {}).get("content", {})
    for media_type in [*content, "text/html"] if content else ():
        kind = f"{media_type.replace('*', 'png')}; boundary=b"
        yield from ({"content": body, "headers": {"Content-Type": kind}} for body in BODIES)
    described = content.get("application/json", {})
    for example in (one["value"] for one in described.get("examples", {}).values()):
        for member in described["schema"].get("properties", example):
            yield from ({"json": {**example, member: value}} for value in VALUES)


def deviation(operation: dict[str, Any], reply: httpx.Response) -> str | None:
    """Return how a response deviates from the specification."""
    described = operation["responses"].get(str(reply.status_code))
    if described is None:
        return f"status {reply.status_code}"
    kind = reply.headers.get("content-type", "").partition(";")[0]
    content = described.get("content", {})
    if kind not in content and (content or reply.content):
        return f"{reply.status_code} of type {kind}"
    if kind.endswith("json"):
        validator = Draft202012Validator({**content[kind]["schema"], "components": SPECIFICATION["components"]})
        return next((error.message[:200] for error in validator.iter_errors(reply.json())), None)
    return None


def test_responses_conform_to_the_specification(server: Server) -> None:
    """Some 1,400 requests, each invalid in one place: no 500, and no undocumented status, type or shape."""
    found, count = set(), 0
    for where, operation, request in requests():
        method, _, path = where.partition(" ")
        if count % 100 == 0:  # some of the requests replace or delete it
            server.client.put("/v1/models/described", json=TINY)
        address = path.format(**request.pop("names", PATH))
        reply = server.client.request(method, address, **request)
        count += 1
        problem = deviation(operation, reply) or (f"a {reply.status_code}" if reply.status_code == 500 else None)
        if problem is not None:
            found.add((where, str(request)[:300], problem))
    server.client.delete("/v1/models/described")
    assert count > 1000
    assert not found, "\n".join(map(str, sorted(found)))
