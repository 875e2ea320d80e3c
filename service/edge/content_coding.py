"""Content coding negotiation and streaming encoders.

Source: RFC 9110 sections 8.4.1 (codings), 12.4.2 (quality values) and 12.5.3 (Accept-Encoding).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from backports import zstd

from service.wire.negotiation import quality
from service.wire.stream import Buffer

LEVEL = 1
"""Compression level of every coding: higher ones cost many times as much for a few percent."""
GZIP_WINDOW = 31
"""zlib's number for its largest window with a gzip header."""
MIN_BYTES = 1024
"""Smaller responses are not worth compressing."""


class Encoder(Protocol):
    """Streaming encoder of a body."""

    def feed(self, data: Buffer, flush: bool) -> bytes:
        """Return the output available after `data`; with flush all of it, so that the client can read this far."""

    def finish(self) -> bytes:
        """Return the remaining output."""


class Gzip:
    """Gzip encoder (RFC 1952)."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP_WINDOW)

    def feed(self, data: Buffer, flush: bool) -> bytes:
        return self._zlib.compress(data) + (self._zlib.flush(zlib.Z_SYNC_FLUSH) if flush else b"")

    def finish(self) -> bytes:
        return self._zlib.flush()


class Zstandard:
    """Zstandard encoder (RFC 8878)."""

    def __init__(self) -> None:
        self._zstd = zstd.ZstdCompressor(LEVEL)

    def feed(self, data: Buffer, flush: bool) -> bytes:
        return self._zstd.compress(data, self._zstd.FLUSH_BLOCK if flush else self._zstd.CONTINUE)

    def finish(self) -> bytes:
        return self._zstd.flush()


ENCODERS: dict[str, Callable[[], Encoder]] = {"zstd": Zstandard, "gzip": Gzip}
"""By name in Accept-Encoding, in order of preference."""


@lru_cache(maxsize=64)
def encoding_for(accepted: str, offered: tuple[str, ...] = tuple(ENCODERS)) -> str | None:
    """Return the coding of those offered that an Accept-Encoding header prefers; None for identity.

    A named coding is preferred to identity, unless that is named with a higher quality; malformed qualities count as 0.
    """
    elements = [element.partition(";") for element in accepted.lower().split(",")]
    qualities = {name.strip(): quality(mark + parameters) for name, mark, parameters in elements}
    default = qualities.get("*", 0.0)
    best = max(offered, key=lambda name: qualities.get(name, default))
    least = max(qualities.get("identity", 0.0), 0.0005)  # qualities have three decimals
    return best if qualities.get(best, default) >= least else None
