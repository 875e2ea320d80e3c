"""Content codings: which one a client gets, and how a body is put into it piece by piece.

Source: RFC 9110 sections 8.4.1 (codings), 12.4.2 (quality values) and 12.5.3 (Accept-Encoding).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol

from backports import zstd

from service.wire.formats import quality
from service.wire.stream import Buffer

LEVEL = 1
"""Of both: higher ones cost many times as much for a few percent."""
GZIP_WINDOW = 31
"""zlib's number for its largest window with a gzip header."""


class Encoder(Protocol):
    """Takes a body in pieces."""

    def feed(self, data: Buffer, flush: bool) -> bytes:
        """What is ready after `data`; all of it when flushed, so that the client can read this far."""

    def finish(self) -> bytes:
        """The rest."""


class Gzip:
    """RFC 1952."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP_WINDOW)

    def feed(self, data: Buffer, flush: bool) -> bytes:
        return self._zlib.compress(data) + (self._zlib.flush(zlib.Z_SYNC_FLUSH) if flush else b"")

    def finish(self) -> bytes:
        return self._zlib.flush()


class Zstandard:
    """RFC 8878."""

    def __init__(self) -> None:
        self._zstd = zstd.ZstdCompressor(LEVEL)

    def feed(self, data: Buffer, flush: bool) -> bytes:
        return self._zstd.compress(data, self._zstd.FLUSH_BLOCK if flush else self._zstd.CONTINUE)

    def finish(self) -> bytes:
        return self._zstd.flush()


ENCODERS: dict[str, Callable[[], Encoder]] = {"zstd": Zstandard, "gzip": Gzip}
"""By name in Accept-Encoding; the preferred one first."""


def encoding_for(accepted: str) -> str | None:
    """The coding that an Accept-Encoding header likes best; None for the body as it is.

    One that is named is preferred to the body as it is, unless that is named with a higher quality; malformed qualities
    count as 0.
    """
    elements = [element.partition(";") for element in accepted.lower().split(",")]
    liked = {name.strip(): quality(mark + parameters) for name, mark, parameters in elements}
    anything = liked.get("*", 0.0)
    best = max(ENCODERS, key=lambda name: liked.get(name, anything))
    least = max(liked.get("identity", 0.0), 0.0005)  # qualities have three decimals
    return best if liked.get(best, anything) >= least else None
