"""Frames over a stream socket: a four-byte little-endian length, then MessagePack."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from threading import Lock
from typing import Any, Generic, TypeVar

import msgspec

HEADER_BYTES = 4
READ_BYTES = 1 << 18
T = TypeVar("T")
_encoder = msgspec.msgpack.Encoder()


def frame(message: msgspec.Struct) -> bytes:
    """Encode one message as a frame."""
    body = _encoder.encode(message)
    return len(body).to_bytes(HEADER_BYTES, "little") + body


class FrameReader(Generic[T]):
    """Buffers bytes and yields complete messages."""

    def __init__(self, kinds: Any) -> None:
        self._decoder = msgspec.msgpack.Decoder(kinds)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[T]:
        """Yield the messages that `data` completes.

        Raises:
            msgspec.DecodeError: the peer does not speak this protocol.
        """
        self._buffer += data
        start = 0
        while len(self._buffer) - start >= HEADER_BYTES:
            body = start + HEADER_BYTES
            end = body + int.from_bytes(self._buffer[start:body], "little")
            if end > len(self._buffer):
                break
            with memoryview(self._buffer) as view:
                message = self._decoder.decode(view[body:end])
            yield message
            start = end
        del self._buffer[:start]


class BlockingChannel(Generic[T]):
    """The engine's end of the socket: one thread reads; several may write, a message at a time."""

    def __init__(self, connection: socket.socket, kinds: Any) -> None:
        self._connection = connection
        self._reader = FrameReader[T](kinds)
        self._writing = Lock()

    def send(self, message: msgspec.Struct) -> None:
        """Write one message, blocking while the peer does not read."""
        with self._writing:
            self._connection.sendall(frame(message))

    def messages(self) -> Iterator[T]:
        """Yield messages as they arrive, until the peer closes."""
        while data := self._connection.recv(READ_BYTES):
            yield from self._reader.feed(data)
