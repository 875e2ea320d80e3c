"""`Content-Digest` (RFC 9530): a body that does not match its digest is rejected, whatever its type."""

from __future__ import annotations

import gzip
import io
import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import new
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
from safetensors.numpy import save

if TYPE_CHECKING:
    from tests.conftest import Server

DOCUMENT = {"input": [2], "layers": [{"type": "Dense", "units": 2}]}
WEIGHTS = {"dense/kernel": np.array([[1, 2], [3, 4]], "f4"), "dense/bias": np.array([10, 20], "f4")}
INFER = {"inputs": [{"name": "input", "shape": [1, 2], "datatype": "FP32", "data": [1, 1]}]}


def digest(body: bytes, *algorithms: str) -> str:
    """Build the header of a body with Python's digests."""
    names = {"sha-256": "sha256", "sha-512": "sha512", "md5": "md5"}
    return ", ".join(f"{name}=:{b64encode(new(names[name], body).digest()).decode()}:" for name in algorithms)


def npy(array: Any) -> bytes:
    """Encode a .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def requests(client: httpx.Client) -> Iterator[httpx.Request]:
    """Yield a request with every kind of body: JSON, file, form, form and file spooled to disk, compressed."""
    run, document = json.dumps({"inputs": [[1, 1]]}).encode(), json.dumps(DOCUMENT).encode()
    kinds = {"Content-Type": "application/json"}
    yield client.build_request("POST", "/v1/models/digest/activations", content=run, headers=kinds)
    npy_type = {"Content-Type": "application/x-npy"}
    yield client.build_request(
        "POST", "/v1/models/digest/activations", content=npy(np.ones((1, 2), "f4")), headers=npy_type
    )
    form = {"model": document, "inputs": b"[[1, 1]]"}
    yield client.build_request("POST", "/v1/activations", files=form)
    yield client.build_request("PUT", "/v1/models/digest", files={"model": document, "weights": save(WEIGHTS)})
    yield client.build_request("PUT", "/v1/models/digest/weights", content=save(WEIGHTS))
    squeezed = gzip.compress(json.dumps(INFER).encode())
    yield client.build_request(
        "POST", "/v2/models/digest/infer", content=squeezed, headers={"Content-Encoding": "gzip"}
    )


def test_wrong_digests_are_rejected_for_every_kind_of_body(server: Server) -> None:
    """Correct ones are served; one wrong one is a 400, stores nothing and keeps the connection usable."""
    client = server.client
    client.put("/v1/models/digest", json=DOCUMENT).raise_for_status()
    for request in requests(client):
        before = client.get("/v1/models").json()
        body = request.read()
        wrong = digest(body + b" ", "sha-256")
        for header in (
            wrong,
            f"{digest(body, 'sha-512')}, {wrong}",
            digest(b"", "sha-512"),
            "sha-256=?1",
            "sha-256=:*:",
        ):
            request.headers["Content-Digest"] = header
            reply = client.send(request)
            reported = (reply.status_code, reply.json()["code"])
            assert reported == (400, "wrong_digest"), (request.url, header, reply.text)
        assert client.get("/v1/models").json() == before
        for header in (
            digest(body, "sha-256"),
            digest(body, "sha-512", "sha-256"),
            digest(body, "md5") + "x",
            "md5=::",
        ):
            request.headers["Content-Digest"] = header
            reply = client.send(request)
            assert reply.status_code in (200, 201), (request.url, header, reply.text)
    client.delete("/v1/models/digest")
