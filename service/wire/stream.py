"""What every binary format offers, so that a reply can be sent tensor by tensor with its length known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

Buffer = bytes | memoryview
"""Bytes to send; a tensor's own memory is passed on without a copy."""


class TensorStream(Protocol):
    """An encoder made for a list of tensors. Send `head()`, every piece of `member(i, data)` for
    i = 0, 1, … in this order, then `tail()`: exactly `length` bytes."""

    length: int
    """Bytes of the whole body."""

    def head(self) -> bytes:
        """What precedes the first tensor."""

    def member(self, index: int, data: Buffer) -> Iterable[Buffer]:
        """The pieces that stand for tensor `index`, whose bytes (C order, little-endian) are `data`."""

    def tail(self) -> bytes:
        """What follows the last tensor."""


def checked(data: Buffer, nbytes: int, name: str) -> memoryview:
    """The bytes of a tensor, as many as were announced; a wrong Content-Length would corrupt the connection."""
    view = memoryview(data)
    if view.nbytes != nbytes:
        raise ValueError(f"{name} has {view.nbytes} bytes, {nbytes} were announced")
    return view.cast("B") if nbytes else memoryview(b"")


def whole(stream: TensorStream, tensors: Iterable[Buffer]) -> bytes:
    """The body in one piece, for tests and small replies."""
    pieces: list[Buffer] = [stream.head()]
    for index, data in enumerate(tensors):
        pieces.extend(stream.member(index, data))
    return b"".join([*pieces, stream.tail()])
