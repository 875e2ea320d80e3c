"""Content codings: which one is chosen, what comes out of the middleware, and what it leaves alone."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest
from backports import zstd
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from service.edge.compression import Compression
from service.edge.content_coding import ENCODERS, encoding_for

TEXT = b'{"data": [1.5, 2.5, 3.5]}' * 100
DECODERS = {"gzip": gzip.decompress, "zstd": zstd.decompress}


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("GZIP", "gzip"),
        ("*", "zstd"),
        ("zstd;q=0, *", "gzip"),
        ("zstd;q=0.4, gzip;q=0.5", "gzip"),
        ("gzip;q=0.001", "gzip"),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=0.5, identity;q=0.5", "gzip"),
        ("identity;q=0, *;q=0.1", "zstd"),
        ("br, deflate", None),
        ("gzip;q=0", None),
        ("gzip;q=high", None),
        ("*;q=0", None),
        ("identity", None),
        ("", None),
        (",;,gzip ; q=1.0", "gzip"),
    ],
)
def test_the_best_liked_coding(accepted: str, chosen: str | None) -> None:
    """Quality first, then ours; nothing that was not asked for."""
    assert encoding_for(accepted) == chosen


@pytest.mark.parametrize("name", ENCODERS)
def test_flushed_pieces_can_be_read(name: str) -> None:
    """A client that has so much of the reply can read so many of its lines."""
    encoder = ENCODERS[name]()
    start = encoder.feed(b"a line\n", flush=True)
    whole = start + encoder.feed(memoryview(b"another\n"), flush=False) + encoder.finish()
    assert DECODERS[name](whole) == b"a line\nanother\n"
    decoder: Any = zstd.ZstdDecompressor() if name == "zstd" else zlib.decompressobj(31)
    assert decoder.decompress(start) == b"a line\n"


async def sent(response: Response, accepted: str | None, path: str = "/v1/x") -> tuple[dict[str, str], list[bytes]]:
    """The headers and pieces that come of a reply."""
    messages: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        messages.append(message)

    headers = [] if accepted is None else [(b"accept-encoding", accepted.encode())]
    scope = {"type": "http", "method": "GET", "path": path, "headers": headers, "asgi": {"spec_version": "2.4"}}
    await Compression(app)(scope, receive, send)
    assert [message["type"] for message in messages] == ["http.response.start"] + ["http.response.body"] * (
        len(messages) - 1
    )
    assert [message.get("more_body", False) for message in messages[1:]] == [True] * (len(messages) - 2) + [False]
    found = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    return found, [bytes(message.get("body", b"")) for message in messages[1:]]


@pytest.mark.parametrize("name", ENCODERS)
async def test_one_piece_has_its_length(name: str) -> None:
    """And a strong ETag becomes weak: the bytes are others."""
    reply = Response(TEXT, media_type="application/json", headers={"ETag": '"a"', "Vary": "Accept"})
    headers, (body,) = await sent(reply, name)
    assert headers == {
        "content-type": "application/json", "content-encoding": name, "content-length": str(len(body)),
        "vary": "Accept, Accept-Encoding", "etag": 'W/"a"',
    }  # fmt: skip
    assert len(body) < len(TEXT) / 5
    assert DECODERS[name](body) == TEXT


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("kind", ["application/json", "application/jsonl"])
async def test_streams_stay_streams(name: str, kind: str) -> None:
    """No length, pieces of any size and kind, and lines as soon as they are there."""
    pieces = [b"", TEXT, memoryview(b"x" * 1_000_000), b"\n"]

    async def body() -> Any:
        for piece in pieces:
            yield piece

    reply = StreamingResponse(body(), media_type=kind, headers={"Content-Length": "1002501"})
    headers, received = await sent(reply, name)
    assert ("content-length" in headers, headers["content-encoding"]) == (False, name)
    assert DECODERS[name](b"".join(received)) == b"".join(pieces)
    assert kind == "application/json" or len(received) >= 4


UNTOUCHED = {
    "not asked for": (Response(TEXT, media_type="application/json"), None, "/v1/x"),
    "another coding": (Response(TEXT, media_type="application/json"), "br", "/v1/x"),
    "a small reply": (Response(TEXT[:1000], media_type="application/json"), "gzip", "/v1/x"),
    "a picture": (Response(TEXT, media_type="image/png"), "zstd", "/v1/x"),
    "tensors in gzip": (Response(TEXT, media_type="application/x-npz"), "gzip", "/v1/x"),
    "an error": (Response(TEXT, 404, media_type="application/json"), "gzip", "/v1/x"),
    "nothing": (Response(status_code=304, media_type="application/json"), "gzip", "/v1/x"),
    "/v2": (Response(TEXT, media_type="application/json"), "gzip", "/v2/x"),
}


@pytest.mark.parametrize(("reply", "accepted", "path"), UNTOUCHED.values(), ids=UNTOUCHED)
async def test_left_alone(reply: Response, accepted: str | None, path: str) -> None:
    """The reply as it was."""
    headers, pieces = await sent(reply, accepted, path)
    assert headers.get("content-encoding") is None
    assert headers == {name.decode(): value.decode() for name, value in reply.raw_headers}
    assert b"".join(pieces) == reply.body


@pytest.mark.parametrize(("accepted", "tag"), [("gzip", 'W/"a"'), ("identity", '"a"'), (None, '"a"')])
@pytest.mark.parametrize("status", [200, 304])
@pytest.mark.parametrize("text", [b"", TEXT])
async def test_a_tag_is_weak_where_compression_is_accepted(
    accepted: str | None, tag: str, status: int, text: bytes
) -> None:
    """Whether the reply is compressed or not: what was, is confirmed under the same tag."""
    reply = Response(text if status == 200 else None, status, {"ETag": '"a"'}, "application/json")
    headers, _ = await sent(reply, accepted)
    assert headers["etag"] == tag


async def test_tensors_in_zstd() -> None:
    """That is fast enough for them."""
    headers, (body,) = await sent(Response(TEXT, media_type="application/x-npz"), "gzip, zstd")
    assert (headers["content-encoding"], zstd.decompress(body)) == ("zstd", TEXT)
