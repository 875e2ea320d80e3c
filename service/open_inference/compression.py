"""Compression of request and response bodies with gzip or deflate.

Deflate is the zlib format (RFC 9110 section 8.4.1.2). Only replies of inferences are compressed: clients do not
decompress others.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from models.errors import TooLarge, Unparsable, UnsupportedEncoding
from service.edge.body_limit import count_decompressed
from service.edge.content_coding import GZIP_WINDOW, LEVEL
from service.requests.body import read_body
from service.wire.negotiation import QUALITY_VALUE
from service.wire.stream import Buffer

WINDOWS = {"gzip": GZIP_WINDOW, "deflate": 15}
"""zlib's window bits, which select the format."""
STEP = 1 << 20
"""Bytes per decompression step."""
ELEMENT = re.compile(rf"\s*([A-Za-z0-9!#$&^_.+-]+)\s*(?:;\s*[qQ]\s*=\s*{QUALITY_VALUE}\s*)?")
"""An element of Accept-Encoding: a coding, and its quality if any."""


async def plain_body(request: Request, max_bytes: int) -> bytes:
    """Read and decompress the body.

    Raises:
        UnsupportedEncoding: another Content-Encoding, or several.
        TooLarge: more than `max_bytes` after decompression.
        Unparsable: the body is not in its Content-Encoding.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", *WINDOWS):
        raise UnsupportedEncoding.at(
            "", "the body cannot be decompressed", expected="gzip or deflate", received=encoding[:60]
        )
    body = await read_body(request)
    return body if encoding in ("identity", "") else await _decompressed(request, body, encoding, max_bytes)


async def _decompressed(request: Request, body: bytes, encoding: str, max_bytes: int) -> bytes:
    decoder, pieces, size = zlib.decompressobj(WINDOWS[encoding]), [], 0
    rest = body
    while rest and not decoder.eof:
        piece = await run_in_threadpool(_decompress_step, decoder, rest, encoding)
        rest, size = decoder.unconsumed_tail, size + len(piece)
        if size > max_bytes:
            message = "the body is over its limit once it is decompressed"
            raise TooLarge.at(
                "", message, expected=f"at most {max_bytes:,} bytes", received=f"more than {max_bytes:,} bytes"
            )
        count_decompressed(request, len(piece))
        pieces.append(piece)
    if not decoder.eof or decoder.unused_data:
        received = "more after its end" if decoder.eof else "a body that is cut off"
        raise Unparsable.at(
            "", f"the body is not one of {encoding}", expected=f"one stream of {encoding}", received=received
        )
    return b"".join(pieces)


def _decompress_step(decoder: Any, data: bytes, encoding: str) -> bytes:
    try:
        piece: bytes = decoder.decompress(data, STEP)
    except zlib.error:
        expected = "the zlib format (RFC 1950)" if encoding == "deflate" else "the gzip format (RFC 1952)"
        raise Unparsable.at("", f"the body is not {encoding}", expected=expected, received="other bytes") from None
    return piece


def choose_encoding(accept: str | None) -> str | None:
    """Return the client's preferred encoding out of gzip and deflate, by RFC 9110 section 12.5.3; None for neither.

    Among equal preferences it is the first.
    """
    best, best_quality = None, 0.0
    for element in (accept or "").split(","):
        match = ELEMENT.fullmatch(element)
        quality = float(match[2] or 1) if match else 0.0
        name = match[1].lower() if match else ""
        if name in ("identity", *WINDOWS) and quality > best_quality:
            best, best_quality = name, quality
    return None if best == "identity" else best


def compress(pieces: Iterable[Buffer], encoding: str) -> bytes:
    """Compress the body made of `pieces`."""
    encoder = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOWS[encoding])
    return b"".join([*(encoder.compress(piece) for piece in pieces), encoder.flush()])
