"""Compression of responses under /v1, by Accept-Encoding: streaming, and off the event loop."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from service.edge.content_coding import ENCODERS, MIN_BYTES, Encoder, encoding_for
from service.edge.http_middleware import HttpMiddleware
from service.errors.dialect import dialect_of
from service.wire.format import Coding
from service.wire.formats import ACTIVATION_FORMATS
from service.wire.stream import Buffer

CODINGS = {format.media_type: format.coding for format in ACTIVATION_FORMATS}
LINE_BY_LINE = {format.media_type for format in ACTIVATION_FORMATS if format.is_line_by_line}
THREAD_BYTES = 64 * 1024
"""Larger chunks are compressed on a thread; it takes a millisecond or more."""


class Compression(HttpMiddleware):
    """ASGI middleware that compresses responses if the request has `Accept-Encoding`."""

    def handle(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Compress the response if the client accepts it."""
        if dialect_of(scope).compresses_replies:
            accepted = ",".join(Headers(scope=scope).getlist("accept-encoding"))
            encoding = encoding_for(accepted) if accepted else None
            if encoding is not None:
                send = Compressed(send, encoding).send
        return self.app(scope, receive, send)


class Compressed:
    """One compressed response. Its start waits for the first chunk, whose length is sent if it is the only one."""

    def __init__(self, send: Send, encoding: str) -> None:
        self._send, self._encoding = send, encoding
        self._start: Message | None = None
        self._encoder: Encoder | None = None
        self._flushes = False

    async def send(self, message: Message) -> None:
        """Compress and forward one ASGI message of the response."""
        is_start = message["type"] == "http.response.start"
        if is_start:
            weaken_tag(message)
        if is_start and is_worthwhile(message, self._encoding):
            self._start, self._encoder = message, ENCODERS[self._encoding]()
            self._flushes = Headers(raw=message["headers"]).get("content-type") in LINE_BY_LINE
        elif self._encoder is None:
            await self._send(message)
        else:
            await self._send_chunk(self._encoder, message.get("body", b""), message.get("more_body", False))

    async def _send_chunk(self, encoder: Encoder, body: Buffer, more: bool) -> None:
        if len(body) > THREAD_BYTES:
            data = await run_in_threadpool(encoder.feed, body, self._flushes and more)
        else:
            data = encoder.feed(body, self._flushes and more)
        data += b"" if more else encoder.finish()
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(self._encoded_start(start, None if more else len(data)))
        if data or not more:
            await self._send({"type": "http.response.body", "body": data, "more_body": more})

    def _encoded_start(self, start: Message, length: int | None) -> Message:
        """Return the response start with the headers of the encoded body."""
        headers = MutableHeaders(raw=start["headers"])
        headers["Content-Encoding"] = self._encoding
        if "Accept-Encoding" not in headers.get("Vary", ""):
            headers.add_vary_header("Accept-Encoding")
        del headers["Content-Length"]
        if length is not None:
            headers["Content-Length"] = str(length)
        return start


def weaken_tag(start: Message) -> None:
    """Weaken a strong ETag, as codings differ in bytes. Also without compression: a 304 must carry the same tag, and
    does not know whether the response would have been compressed.
    """
    headers = MutableHeaders(raw=start["headers"])
    if headers.get("ETag", "").startswith('"'):
        headers["ETag"] = f"W/{headers['ETag']}"


def is_worthwhile(start: Message, encoding: str) -> bool:
    """Whether a response with this head is compressed."""
    headers = Headers(raw=start["headers"])
    content_type = headers.get("content-type", "").partition(";")[0]
    length = int(headers.get("content-length", MIN_BYTES))
    coding = CODINGS.get(content_type, Coding.NONE)
    is_coded = coding is Coding.ANY or (coding is Coding.ZSTD and encoding == "zstd")
    return start["status"] == 200 and is_coded and length >= MIN_BYTES
