"""Content codings: negotiation, the output of the middleware, and responses that it leaves unchanged."""

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
def test_the_preferred_coding_is_chosen(accepted: str, chosen: str | None) -> None:
    """By quality, then by server preference; only among those accepted."""
    assert encoding_for(accepted) == chosen


@pytest.mark.parametrize("name", ENCODERS)
def test_flushed_output_can_be_decoded(name: str) -> None:
    """A client can decode every line that was flushed."""
    encoder = ENCODERS[name]()
    start = encoder.feed(b"a line\n", flush=True)
    whole = start + encoder.feed(memoryview(b"another\n"), flush=False) + encoder.finish()
    assert DECODERS[name](whole) == b"a line\nanother\n"
    decoder: Any = zstd.ZstdDecompressor() if name == "zstd" else zlib.decompressobj(31)
    assert decoder.decompress(start) == b"a line\n"


async def send_response(
    response: Response, accepted: str | None, path: str = "/v1/x"
) -> tuple[dict[str, str], list[bytes]]:
    """Return the headers and chunks of a response."""
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
async def test_single_bodies_have_a_length_and_a_weak_etag(name: str) -> None:
    """A strong ETag becomes weak, since the bytes differ."""
    reply = Response(TEXT, media_type="application/json", headers={"ETag": '"a"', "Vary": "Accept"})
    headers, (body,) = await send_response(reply, name)
    assert headers == {
        "content-type": "application/json", "content-encoding": name, "content-length": str(len(body)),
        "vary": "Accept, Accept-Encoding", "etag": 'W/"a"',
    }  # fmt: skip
    assert len(body) < len(TEXT) / 5
    assert DECODERS[name](body) == TEXT


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("kind", ["application/json", "application/jsonl"])
async def test_streams_are_compressed_as_streams(name: str, kind: str) -> None:
    """Without a length, for chunks of any size and type; lines are flushed immediately."""
    pieces = [b"", TEXT, memoryview(b"x" * 1_000_000), b"\n"]

    async def body() -> Any:
        for piece in pieces:
            yield piece

    reply = StreamingResponse(body(), media_type=kind, headers={"Content-Length": "1002501"})
    headers, received = await send_response(reply, name)
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
async def test_other_responses_are_unchanged(reply: Response, accepted: str | None, path: str) -> None:
    """Headers and body."""
    headers, pieces = await send_response(reply, accepted, path)
    assert headers.get("content-encoding") is None
    assert headers == {name.decode(): value.decode() for name, value in reply.raw_headers}
    assert b"".join(pieces) == reply.body


@pytest.mark.parametrize(("accepted", "tag"), [("gzip", 'W/"a"'), ("identity", '"a"'), (None, '"a"')])
@pytest.mark.parametrize("status", [200, 304])
@pytest.mark.parametrize("text", [b"", TEXT])
async def test_etags_are_weak_where_compression_is_accepted(
    accepted: str | None, tag: str, status: int, text: bytes
) -> None:
    """Compressed or not, a 304 has the same tag as the 200."""
    reply = Response(text if status == 200 else None, status, {"ETag": '"a"'}, "application/json")
    headers, _ = await send_response(reply, accepted)
    assert headers["etag"] == tag


async def test_tensors_are_compressed_with_zstd() -> None:
    """It is fast enough for them."""
    headers, (body,) = await send_response(Response(TEXT, media_type="application/x-npz"), "gzip, zstd")
    assert (headers["content-encoding"], zstd.decompress(body)) == ("zstd", TEXT)
