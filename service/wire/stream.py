"""Interface of binary formats: replies are streamed tensor by tensor, with a known length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from models.ipc.messages import TensorInfo

Buffer = bytes | memoryview
"""Bytes to send; a tensor's memory is passed on without a copy."""


class TensorStream(Protocol):
    """Encoder for a list of tensors. Send `head()`, every piece of `member(i, data)` for
    i = 0, 1, … in this order, then `tail()`: exactly `length` bytes."""

    length: int
    """Length of the whole body in bytes."""

    def head(self) -> bytes:
        """Return the bytes before the first tensor."""

    def member(self, index: int, data: Buffer) -> Iterable[Buffer]:
        """Return the pieces that encode tensor `index`, whose bytes (C order, little-endian) are `data`."""

    def tail(self) -> bytes:
        """Return the bytes after the last tensor."""


class HeadThenTensors:
    """Encoder of formats whose body is a head, followed by the bytes of each tensor, unchanged."""

    def __init__(self, head: bytes, tensors: Sequence[TensorInfo]) -> None:
        self._head, self._tensors = head, tensors
        self.length = len(head) + sum(tensor.nbytes for tensor in tensors)

    def head(self) -> bytes:
        return self._head

    def member(self, index: int, data: Buffer) -> tuple[Buffer]:
        tensor = self._tensors[index]
        return (check_length(data, tensor.nbytes, tensor.name),)

    def tail(self) -> bytes:
        return b""


def check_length(data: Buffer, nbytes: int, name: str) -> memoryview:
    """Return a tensor's bytes, which must have the announced length: a wrong one would corrupt the connection."""
    view = memoryview(data)
    if view.nbytes != nbytes:
        raise ValueError(f"{name} has {view.nbytes} bytes, {nbytes} were announced")
    return view.cast("B") if nbytes else memoryview(b"")


def encode_whole(stream: TensorStream, tensors: Iterable[Buffer]) -> bytes:
    """Encode a small reply in one piece."""
    pieces: list[Buffer] = [stream.head()]
    for index, data in enumerate(tensors):
        pieces.extend(stream.member(index, data))
    return b"".join([*pieces, stream.tail()])
