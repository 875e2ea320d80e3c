"""Replies under /v1 in the content coding that a client accepts: as they are sent, and off the event loop."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.edge.content_coding import ENCODERS, Encoder, encoding_for
from service.wire.formats import JSON, JSONL, NPY, NPZ, SAFETENSORS, SVG
from service.wire.stream import Buffer

PREFIX = "/v1/"
"""Clients of /v2 cannot read compressed metadata."""
TEXTS = {format.media_type for format in (JSON, JSONL, SVG)}
TENSORS = {format.media_type for format in (NPY, NPZ, SAFETENSORS)}
"""In zstd alone: gzip takes 40 ms for a megabyte of activations, and most HTTP clients ask for it unasked."""
LEAST_BYTES = 1024
"""Smaller replies are not worth the while."""
THREAD_BYTES = 64 * 1024
"""Larger pieces are compressed on a thread; it takes a millisecond or more."""


class Compression:
    """Does nothing where `Accept-Encoding` is missing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            accepted = ",".join(Headers(scope=scope).getlist("accept-encoding"))
            encoding = encoding_for(accepted) if accepted else None
            if encoding is not None:
                send = Compressed(send, encoding).send
        await self.app(scope, receive, send)


class Compressed:
    """One reply on its way. Its start waits for the first piece, which tells the length of a reply in one piece."""

    def __init__(self, send: Send, encoding: str) -> None:
        self._send, self._encoding = send, encoding
        self._start: Message | None = None
        self._encoder: Encoder | None = None
        self._flushes = False

    async def send(self, message: Message) -> None:
        """Takes the reply's messages."""
        starts = message["type"] == "http.response.start"
        if starts:
            weaken_tag(message)
        if starts and is_worthwhile(message, self._encoding):
            self._start, self._encoder = message, ENCODERS[self._encoding]()
            self._flushes = Headers(raw=message["headers"]).get("content-type") == JSONL.media_type
        elif self._encoder is None:
            await self._send(message)
        else:
            await self._piece(self._encoder, message.get("body", b""), message.get("more_body", False))

    async def _piece(self, encoder: Encoder, body: Buffer, more: bool) -> None:
        if len(body) > THREAD_BYTES:
            data = await run_in_threadpool(encoder.feed, body, self._flushes and more)
        else:
            data = encoder.feed(body, self._flushes and more)
        data += b"" if more else encoder.finish()
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(self._encoded(start, None if more else len(data)))
        if data or not more:
            await self._send({"type": "http.response.body", "body": data, "more_body": more})

    def _encoded(self, start: Message, length: int | None) -> Message:
        """The reply's head."""
        headers = MutableHeaders(raw=start["headers"])
        headers["Content-Encoding"] = self._encoding
        if "Accept-Encoding" not in headers.get("Vary", ""):
            headers.add_vary_header("Accept-Encoding")
        del headers["Content-Length"]
        if length is not None:
            headers["Content-Length"] = str(length)
        return start


def weaken_tag(start: Message) -> None:
    """Another coding is other bytes, so a strong ETag becomes a weak one: also where nothing is compressed, for a 304
    does not know whether the reply would have been, and has to carry the same.
    """
    headers = MutableHeaders(raw=start["headers"])
    if headers.get("ETag", "").startswith('"'):
        headers["ETag"] = f"W/{headers['ETag']}"


def is_worthwhile(start: Message, encoding: str) -> bool:
    """Whether a reply with this head is compressed. PNG is already."""
    headers = Headers(raw=start["headers"])
    kind = headers.get("content-type", "").partition(";")[0]
    length = int(headers.get("content-length", LEAST_BYTES))
    return (
        start["status"] == 200 and kind in (TEXTS | TENSORS if encoding == "zstd" else TEXTS) and length >= LEAST_BYTES
    )
