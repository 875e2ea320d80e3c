"""Content codings over a real socket: compressed responses, and the rejection of compressed request bodies."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from backports import zstd

if TYPE_CHECKING:
    from tests.conftest import Server

UP = {"input": [None, None, 1], "layers": [{"type": "UpSampling2D", "size": 8, "name": "up"}]}
DECODERS: dict[str, Any] = {"gzip": gzip.decompress, "zstd": zstd.decompress}


def raw(server: Server, side: int, encoding: str, **options: Any) -> tuple[Any, bytes]:
    """Return the response to a run and its undecoded body."""
    body = {"model": UP, "inputs": np.arange(side * side).reshape(1, side, side, 1).tolist(), **options}
    headers = {"Accept-Encoding": encoding}
    with server.client.stream("POST", "/v1/activations", json=body, headers=headers) as reply:
        return reply, b"".join(reply.iter_raw())


@pytest.mark.parametrize("encoding", DECODERS)
@pytest.mark.parametrize(("side", "format"), [(4, "json"), (80, "json"), (80, "jsonl")])
def test_text_responses_are_compressed(server: Server, encoding: str, side: int, format: str) -> None:
    """Small bodies have a Content-Length, large ones are streamed; all numbers are preserved."""
    reply, body = raw(server, side, encoding, format=format)
    plain, text = raw(server, side, "identity", format=format)
    assert (reply.headers["content-encoding"], "content-encoding" in plain.headers) == (encoding, False)
    assert "Accept-Encoding" in reply.headers["vary"]
    assert ("content-length" in reply.headers) == (side == 4)
    assert len(body) < len(text) / 4
    read = [[json.loads(line) for line in one.splitlines()] for one in (DECODERS[encoding](body), text)]
    compressed, expected = [one[1:] if format == "jsonl" else one[0]["layers"] for one in read]
    assert compressed == expected != []


def test_tensors_are_compressed_with_zstd_only(server: Server) -> None:
    """gzip would take many times as long as the run."""
    plain, tensors = raw(server, 80, "gzip", format="npz")
    reply, body = raw(server, 80, "gzip, zstd", format="npz")
    assert ("content-encoding" in plain.headers, reply.headers["content-encoding"]) == (False, "zstd")
    assert (zstd.decompress(body), int(plain.headers["content-length"])) == (tensors, len(tensors))


@pytest.mark.parametrize("path", ["/v1/activations", "/v1/plan", "/v1/models/m", "/v1/models/m/activations"])
@pytest.mark.parametrize("encoding", ["gzip", "zstd", "GZIP", "br", "gzip, zstd"])
def test_compressed_bodies_are_rejected(server: Server, path: str, encoding: str) -> None:
    """With a 415 that names the coding, before the body is read."""
    server.client.put("/v1/models/m", json=UP).raise_for_status()
    method = "PUT" if path == "/v1/models/m" else "POST"
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    reply = server.client.request(method, path, content=gzip.compress(b"{}"), headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_media_type")
    assert reply.headers["accept-encoding"] == "identity"
    assert reply.json()["errors"] == [
        {"pointer": "", "message": "compressed bodies are not read here", "expected": "a body without Content-Encoding",
         "received": f'"{encoding.lower()}"', "suggestion": "send it as it is"}
    ]  # fmt: skip


def test_identity_coding_is_accepted(server: Server) -> None:
    """It is the only accepted Content-Encoding."""
    reply = server.post("/v1/plan", json={"model": UP}, headers={"Content-Encoding": "identity"})
    assert reply.status_code == 200
