"""Reported faults 6 of the edge: hosts, origins, heads, long errors, codings, methods, headers, digests and forms."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import keras
from keras import layers as L  # noqa: N812

from acceptance.fault_rows import Answer, Row, asked, in_turn, of_bytes, right
from acceptance.keras_files import NAME, PATH
from acceptance.live_service import Service
from acceptance.raw_http import request
from tests.api.habits import form

VECTOR: dict[str, Any] = {"input": [2], "layers": [{"type": "Identity"}]}
RUN, PLAN = "/v1/activations", "/v1/plan"
STRANGER = {"Origin": "https://evil.example"}
JSON = {"Content-Type": "application/json"}
KIB = 1024


def hosts() -> Iterator[Row]:
    """Yield requests with a wrong `Host`."""
    lines = {
        "no Host": (400, ""), "two Hosts": (400, "Host: localhost\r\nHost: localhost\r\n"),
        "a Host with spaces": (400, "Host: local host\r\n"), "a Host with a path": (400, "Host: localhost/x\r\n"),
        "a foreign Host on loopback": (421, "Host: evil.example\r\n"),
    }  # fmt: skip
    for what, (status, line) in lines.items():
        sent = f"GET /v1/models HTTP/1.1\r\n{line}Connection: close\r\n\r\n".encode()
        yield Row("6", what, right(status, is_problem=True), of_bytes(sent))


def origins() -> Iterator[Row]:
    """Yield forms that a page elsewhere posts, which a browser sends without asking."""
    parts = form(model=json.dumps(VECTOR), inputs="[[1, 2]]")
    run = asked("POST", RUN, **parts, headers=STRANGER)
    yield Row("6", "a form POST of another origin that runs a network", right(403, is_problem=True), run)
    registered, unload = asked("PUT", PATH, json=VECTOR), f"/v2/repository/models/{NAME}/unload"
    plain = asked("POST", unload, content=b"{}", headers=STRANGER | {"Content-Type": "text/plain"})
    yield Row("6", "a form POST of another origin that unloads a model", right(403), in_turn(registered, plain))
    ready, load = asked("GET", f"/v2/models/{NAME}/ready"), asked("POST", f"/v2/repository/models/{NAME}/load", json={})

    def after(service: Service) -> Answer:
        answer = ready(service)
        load(service)
        return answer

    yield Row("6", "whether that model is still loaded", right(200), after)


def heads() -> Iterator[Row]:
    """Yield heads over the stated limits."""
    first, field = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n", "X-{}: 1\r\n"
    headers = {
        "headers of 1 MB": f"X: {'x' * 10**6}\r\n", "100,000 headers": "".join(map(field.format, range(100_000))),
        "a header of 70 KiB": f"X: {'x' * 70 * KIB}\r\n",
    }  # fmt: skip
    for what, lines in headers.items():
        yield Row("6", what, right(431, is_problem=True), of_bytes(f"{first}{lines}\r\n".encode()))
    long = f"GET /{'x' * 10**6} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    yield Row("6", "a path of 1 MB", right(414, is_problem=True), of_bytes(long.encode()))


def long_errors() -> Iterator[Row]:
    """Yield Keras' JSON with a value of 100 kB, of which 120 characters may be shown."""
    made = json.loads(keras.Sequential([keras.Input((2,)), L.Dense(1)]).to_json())
    told = right(422, most_bytes=64 * KIB, never="x{200}")
    long = "x" * 100_000
    for what, changes in {
        "class_name": {"class_name": long}, "activation": {"config": {"units": 1, "activation": long}},
        "class_name of an activation": {"config": {"units": 1, "activation": {"class_name": long, "config": {}}}},
    }.items():  # fmt: skip
        changed = json.loads(json.dumps(made))
        changed["config"]["layers"][1] |= changes
        yield Row("6", f"{what} of 100 kB in Keras' JSON", told, asked("POST", PLAN, json={"model": changed}))


def codings() -> Iterator[Row]:
    """Yield codings and methods that are not offered."""
    body, coding = json.dumps({"model": VECTOR}), JSON | {"Content-Encoding": "br"}
    told = right(415, headers={"accept-encoding": "identity"}, is_problem=True)
    yield Row("6", "Content-Encoding: br on /v1/plan", told, asked("POST", PLAN, content=body, headers=coding))
    upload = asked("PUT", f"{PATH}/weights", content=b"x", headers={"Content-Encoding": "gzip"})
    yield Row("6", "Content-Encoding: gzip of weights", told, upload)
    infer = asked("POST", f"/v2/models/{NAME}/infer", content=b"{}", headers=coding)
    yield Row("6", "Content-Encoding: br on /v2", right(501, headers={"accept-encoding": "gzip"}), infer)
    unknown = of_bytes(request("BREW", "/v1/models", Connection="close"))
    yield Row("6", "an unknown method", right(405, 501, is_problem=True), unknown)


def reply_headers() -> Iterator[Row]:
    """Yield pages and replies of the API with the headers that browsers heed."""
    page = {"content-security-policy": "frame-ancestors 'none'", "x-content-type-options": "nosniff",
            "x-frame-options": "DENY"}  # fmt: skip
    yield Row("6", "the headers of /docs", right(200, headers=page), headed("/docs", *page))
    reply = {"cache-control": ".", "x-content-type-options": "nosniff"}
    for path in ("/v1/models", "/v1/layers", "/nowhere"):
        yield Row("6", f"the headers of {path}", right(200, 404, headers=reply), headed(path, *reply))


def headed(path: str, *names: str) -> Any:
    """Return a GET whose text is some headers of the reply."""

    def ask(service: Service) -> Answer:
        reply = service.client.get(path)
        told = "; ".join(f"{name}: {reply.headers.get(name, 'missing')}" for name in names)
        return Answer(reply.status_code, told, None, reply.headers)

    return ask


def forms() -> Iterator[Row]:
    """Yield what the description of forms says of other fields, fields beyond it, and digests of bodies."""
    yield Row("6", "forms in /openapi.json declare additionalProperties", right("forms:", says="^$"), undeclared)
    more = form(model=json.dumps(VECTOR), inputs="[[1, 2]]", surplus="1")
    yield Row("6", "a text field beyond the schema", right(422, says="surplus"), asked("POST", RUN, **more))
    body = json.dumps({"model": VECTOR}).encode()
    for what, status, digested in (("does not fit", 400, b"other"), ("fits", 200, body)):
        digest = f"sha-256=:{b64encode(sha256(digested).digest()).decode()}:"
        sent = asked("POST", PLAN, content=body, headers=JSON | {"Content-Digest": digest})
        yield Row("6", f"a Content-Digest that {what}", right(status), sent)


def undeclared(service: Service) -> Answer:
    """Return the forms of which the description leaves open what other fields they may have."""
    paths = service.client.get("/openapi.json").json()["paths"]
    found = []
    for path, operations in paths.items():
        for method, operation in operations.items():
            schema = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data", {}).get("schema")
            if schema is not None and "additionalProperties" not in schema:
                found.append(f"{method} {path}")
    return Answer("forms:", ", ".join(found))


def rows() -> Iterator[Row]:
    """Yield all rows."""
    for made in (hosts, origins, heads, long_errors, codings, reply_headers, forms):
        yield from made()
