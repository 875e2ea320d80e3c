"""Requests of the Open Inference Protocol, requests that are refused, and requests with headers."""

from __future__ import annotations

import json
from collections.abc import Iterator

from acceptance.sample_requests import JSON, Request, post
from acceptance.samples import INPUT


def open_inference() -> Iterator[Request]:
    """The routes under /v2."""
    for name in ("chain", "two", "table", "nobody"):
        for path in ("", "/config", "/ready", "/versions/1", "/versions/2"):
            yield Request("GET", f"/v2/models/{name}{path}")
    tensor = {"name": "input", "shape": [1, 8, 8, 3], "datatype": "FP32", "data": INPUT["data"]}
    table = {"name": "ids", "shape": [1, 3], "datatype": "INT32", "data": [1, 2, 3]}
    for name, body in (("chain", {"inputs": [tensor]}),
                       ("chain", {"id": "x", "inputs": [tensor], "outputs": [{"name": "conv2d"}]}),
                       ("chain",
                       {"inputs": [tensor], "outputs": [{"name": "dense", "parameters": {"classification": 2}}]}),
                       ("chain", {"inputs": [tensor], "outputs": [{"name": "nothing"}]}),
                       ("table", {"inputs": [table]}),
                       ("chain", {"inputs": [tensor], "parameters": {"binary_data_output": True}}),
                       ("chain", {"inputs": []}),
                       ("table", {"inputs": [{**table, "datatype": "FP32"}]}),
                       ("table", {"inputs": [{**table, "shape": [3]}]}),
                       ("chain", {"inputs": [tensor, tensor]}), ("nobody", {"inputs": [tensor]}),
                       ("chain", {"input": 1}), ("chain", [])):  # fmt: skip
        yield post(f"/v2/models/{name}/infer", body, json.dumps(body)[-80:])
    for path, body in (("index", {}), ("index", {"ready": True}), ("models/chain/load", {}), ("models/nobody/load", {}),
                       ("models/chain/load", {"parameters": {"config": "{}"}}),
                       ("models/nobody/unload", {})):  # fmt: skip
        yield post(f"/v2/repository/{path}", body)
    yield Request("POST", "/v2/models/chain/infer", {"content": b"{", "headers": JSON})
    yield Request("POST", "/v2/models/chain/infer", {"content": b"{}", "headers": JSON | {"Content-Encoding": "br"}})


def errors() -> Iterator[Request]:
    """Bodies and methods that are refused."""
    for path in ("/v1/activations", "/v1/models/chain/activations", "/v1/plan"):
        for content in (b"", b"{", b"[]", b"null", b'"text"', b'{"model": 1}', b"\xff\xfe", b'{"a": 1, "a": 2}', b"NaN",
                        b'{"inputs": [1e999]}', b'{"inputs": [' + b"[" * 300 + b"]" * 300 + b"]}"):  # fmt: skip
            yield Request("POST", path, {"content": content, "headers": JSON}, repr(content[:40]))
        for kind in (
            "text/plain",
            "application/xml",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "image/heic",
            "",
        ):
            yield Request("POST", path, {"content": b"x", "headers": {"Content-Type": kind}}, kind)
        for method in ("GET", "PUT", "DELETE", "PATCH", "FOO"):
            yield Request(method, path)
        yield Request("POST", path, {"files": {"model": (None, "{"), "inputs": (None, "[[1]]")}}, "form")
        yield Request("POST", path, {"files": {"layers": (None, "x"), "foo": (None, "1")}}, "form")


def headers() -> Iterator[Request]:
    """Origins, hosts, methods, compression and conditional requests."""
    run, page = "/v1/models/chain/activations?layers=conv2d", {"Origin": "http://localhost:5173"}
    for given in ({}, page, {"Origin": "http://evil.example"}, {"Host": "evil.example"},
                  {"Sec-Fetch-Site": "cross-site"},
                  {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}, {"Accept-Encoding": "zstd, gzip;q=0"},
                  {"Content-Encoding": "gzip"}, {"Content-Digest": "sha-256=:AAAA:"}, {"Content-Digest": "x"},
                  {"If-None-Match": "*"}, {"X-Request-ID": "mine"}, {"Accept": "application/json;q=0"}):  # fmt: skip
        yield post(run, {"inputs": INPUT}, str(given), headers=given)
        for path in ("/v1/models", "/v1/models/chain", "/v1/models/chain/weights", "/v1/models/nobody"):
            yield Request("GET", path, {"headers": given}, str(given))
            yield Request("HEAD", path, {"headers": given}, str(given))
    for path in ("/v1/activations", "/v1/models/chain", "/v2/models/chain/infer", "/nowhere"):
        for asked in ({}, {"Access-Control-Request-Method": "PUT"}):
            yield Request("OPTIONS", path, {"headers": {**page, **asked}}, str(asked))
