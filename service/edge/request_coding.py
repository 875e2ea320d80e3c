"""Decompression of request bodies under /v1, by Content-Encoding: streaming, and bounded by what comes out.

Source: RFC 9110 section 8.4 (Content-Encoding), RFC 1952 (gzip), RFC 8878 (zstd).
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from backports import zstd
from starlette.concurrency import run_in_threadpool
from starlette.types import Message, Receive, Scope, Send

from models.errors import Unparsable, UnsupportedMedia, shown
from service.edge.body_limit import Body
from service.edge.content_coding import GZIP_WINDOW
from service.edge.http_middleware import HttpMiddleware
from service.errors.dialect import CODING, dialect_of
from service.observing.records import BODY

HEADER = b"content-encoding"
STEP = 256 * 1024
"""Most bytes that are decompressed at a time."""
THREAD_BYTES = 16 * 1024
"""Larger pieces are decompressed on a thread, as they may take a millisecond."""
MAX_MEMBERS = 1000
"""Most members of gzip, or frames of zstd: files that were appended to have some."""
MAX_WINDOW_LOG = 23
"""Largest window of zstd, 8 MiB (RFC 9659): a larger one is memory before there is any output."""


class Decoder(Protocol):
    """A decompressor of one stream, of which each call gives at most STEP bytes."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` decompresses to.

        Raises:
            zlib.error, zstd.ZstdError: it is not in this coding.
            TooManyMembers: each costs time, though it may hold nothing.
        """

    @property
    def is_complete(self) -> bool:
        """Whether the stream has ended, and nothing followed."""


class TooManyMembers(Exception):
    """A stream of more than MAX_MEMBERS members or frames."""


class Members:
    """The members of a stream, counted."""

    def __init__(self) -> None:
        self._count = 0

    def add(self) -> None:
        """Count one more."""
        self._count += 1
        if self._count > MAX_MEMBERS:
            raise TooManyMembers


class Gunzip:
    """Decoder of gzip: one or several members, as gzip concatenates them (RFC 1952 section 2.2)."""

    def __init__(self) -> None:
        self._zlib, self._members = zlib.decompressobj(GZIP_WINDOW), Members()
        self._is_empty = True

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._zlib.eof:
                self._members.add()
                self._zlib = zlib.decompressobj(GZIP_WINDOW)
            self._is_empty = False
            if piece := self._zlib.decompress(data, STEP):
                yield piece
            data = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail

    @property
    def is_complete(self) -> bool:
        return self._zlib.eof and not self._is_empty


class Unzstd:
    """Decoder of zstd: one or several frames."""

    def __init__(self) -> None:
        self._zstd, self._members = self._new(), Members()

    @staticmethod
    def _new() -> zstd.ZstdDecompressor:
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG})

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data or not (self._zstd.needs_input or self._zstd.eof):
            if self._zstd.eof:
                self._members.add()
                self._zstd = self._new()
            if piece := self._zstd.decompress(data, STEP):
                yield piece
            data = self._zstd.unused_data if self._zstd.eof else b""

    @property
    def is_complete(self) -> bool:
        return self._zstd.eof


DECODERS: dict[str, Callable[[], Decoder]] = {"gzip": Gunzip, "zstd": Unzstd}
"""By name in Content-Encoding."""
FAILURES = (zlib.error, zstd.ZstdError)


class RequestCoding(HttpMiddleware):
    """ASGI middleware that gives the application the body without its Content-Encoding. It raises where the application
    reads the body, to be handled like any other error.
    """

    def handle(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Decompress the body of a request that has a coding."""
        if dialect_of(scope).decompresses_bodies and (name := coding_of(scope)):
            scope[CODING] = name
            scope["headers"] = [field for field in scope["headers"] if field[0] != HEADER]
            receive = DecodedBody(receive, name, scope[BODY]).receive
        return self.app(scope, receive, send)


def coding_of(scope: Scope) -> str:
    """Return the Content-Encoding; empty for none."""
    fields = [value for name, value in scope["headers"] if name == HEADER]
    codings = b",".join(fields).decode("latin-1").lower().split(",")
    return ", ".join(filter(None, (coding.strip() for coding in codings if coding.strip() != "identity")))


class DecodedBody:
    """The body of one request, decompressed as it is read. Whoever reads it slowly holds one step of it in memory."""

    def __init__(self, receive: Receive, name: str, body: Body) -> None:
        self._receive, self._name, self._body = receive, name, body
        self._decoder: Decoder | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._is_small = self._has_ended = False
        self._has_more = True

    async def receive(self) -> Message:
        """Return the next piece.

        Raises:
            UnsupportedMedia: another coding, or several.
            Unparsable: the body is not in its coding, or is cut off.
            TooLarge: it is over its limit once it is decompressed.
        """
        decoder = self._decoder = self._decoder or self._new_decoder()
        while not self._has_ended:
            piece = await self._next_piece()
            if piece is not None:
                self._body.decompressed += len(piece)
                self._body.update_usage()
                return {"type": "http.request", "body": piece, "more_body": True}
            if not self._has_more:
                return self._end(decoder)
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            data, self._has_more = message.get("body", b""), message.get("more_body", False)
            self._pieces, self._is_small = decoder.pieces(data), len(data) <= THREAD_BYTES
        return await self._receive()

    def _end(self, decoder: Decoder) -> Message:
        if not decoder.is_complete:
            raise self._unparsable("a body that is cut off")
        self._has_ended = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _next_piece(self) -> bytes | None:
        """Return the next piece of what has been received; None at its end."""
        try:
            if not self._is_small:
                return await run_in_threadpool(next, self._pieces, None)
            await asyncio.sleep(0)  # a small body may give many pieces
            return next(self._pieces, None)
        except FAILURES:
            raise self._unparsable("other bytes") from None
        except TooManyMembers:
            raise self._unparsable(f"more than {MAX_MEMBERS:,} of them, one after the other") from None

    def _new_decoder(self) -> Decoder:
        if self._name in DECODERS:
            return DECODERS[self._name]()
        expected = f"one of {', '.join(DECODERS)}, or a body without Content-Encoding"
        message = "bodies in this coding are not read here"
        raise UnsupportedMedia.at(
            "", message, expected=expected, received=shown(self._name, 100), suggestion="send it as it is"
        )

    def _unparsable(self, received: str) -> Unparsable:
        message, expected = f"the body is not {self._name}", f"a stream of {self._name}"
        return Unparsable.at("", message, expected=expected, received=received)
