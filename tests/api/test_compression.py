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


def compressed(name: str, data: bytes) -> bytes:
    return gzip.compress(data) if name == "gzip" else zstd.compress(data)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_compressed_bodies_are_what_they_decompress_to(server: Server, encoding: str) -> None:
    """JSON, an array and an upload, in one piece and in pieces, in one stream and in two."""
    headers = {"Content-Encoding": encoding.upper()}
    body = json.dumps({"model": UP, "inputs": np.ones((2, 3, 3, 1)).tolist()}).encode()
    for text in (body, body + b" " * 100_000):
        plain = server.post("/v1/activations", content=text, headers={"Content-Type": "application/json"})
        packed = compressed(encoding, text)
        halves = compressed(encoding, text[:50]) + compressed(encoding, text[50:])
        for sent in (packed, halves, iter([packed[:7], packed[7:]])):
            reply = server.post(
                "/v1/activations", content=sent, headers={**headers, "Content-Type": "application/json"}
            )
            assert (reply.status_code, reply.json()["layers"]) == (plain.status_code, plain.json()["layers"])
    network, path = compressed(encoding, json.dumps(UP).encode()), "/v1/models/packed"
    reply = server.client.put(path, content=network, headers={**headers, "Content-Type": "application/json"})
    assert reply.status_code in (200, 201)


@pytest.mark.parametrize("path", ["/v1/activations", "/v1/plan", "/v1/models/m", "/v1/models/m/activations"])
@pytest.mark.parametrize("encoding", ["br", "gzip, zstd", "gzip, gzip", "x" * 1000])
def test_other_codings_are_refused(server: Server, path: str, encoding: str) -> None:
    """With a 415 that names the coding, before the body is read."""
    server.client.put("/v1/models/m", json=UP).raise_for_status()
    method = "PUT" if path == "/v1/models/m" else "POST"
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    reply = server.client.request(method, path, content=gzip.compress(b"{}"), headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_media_type")
    assert reply.headers["accept-encoding"] == "gzip, zstd"
    (error,) = reply.json()["errors"]
    assert error["expected"] == "one of gzip, zstd, or a body without Content-Encoding"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_bodies_that_are_not_in_their_coding_are_refused(server: Server, encoding: str) -> None:
    """Empty, uncompressed, cut short, or followed by something else."""
    body = compressed(encoding, json.dumps({"model": UP}).encode())
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    for wrong in (b"", b"{}", body[:-1], body[:10], body + b"x", b"\x1f\x8b" + body):
        reply = server.post("/v1/plan", content=wrong, headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (400, "unparsable"), wrong
    assert server.post("/v1/plan", content=body, headers=headers).status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_many_members_are_refused(server: Server, encoding: str) -> None:
    """Each takes time, though it holds nothing; a file that was appended to has some."""
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    body = compressed(encoding, json.dumps({"model": UP}).encode())
    for count, status in ((900, 200), (60_000, 400)):
        reply = server.post("/v1/plan", content=compressed(encoding, b"") * count + body, headers=headers)
        assert reply.status_code == status, reply.text


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_bombs_are_refused_at_their_limit(server: Server, encoding: str) -> None:
    """A hundred kilobytes that decompress to 100 MB."""
    bomb = compressed(encoding, b" " * 100_000_000)
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    for path in ("/v1/plan", "/v1/activations"):
        reply = server.post(path, content=bomb, headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (413, "too_large")


def test_identity_coding_is_accepted(server: Server) -> None:
    """It is no coding (RFC 9110 section 8.4.1)."""
    reply = server.post("/v1/plan", json={"model": UP}, headers={"Content-Encoding": "identity"})
    assert reply.status_code == 200
