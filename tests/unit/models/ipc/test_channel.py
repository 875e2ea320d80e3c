"""Frames over a socket: messages are complete and in order however the bytes are split."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors.problem import Problem
from models.ipc.arena import Span
from models.ipc.channel import HEADER_BYTES, BlockingChannel, FrameReader, frame
from models.ipc.messages import Data, Failed, FromEngine, FromFront, Payload, Planned, Release

MESSAGES: list[msgspec.Struct] = [
    Planned(1, b'{"layers":[]}'),
    Failed(2, "too_large", "", (Problem("/layers", "message", None, None, "less"),)),
    Data(3, Payload(b"\x00\x01\xff" * 100)),
    Release((Span(0, 4096), Span(8192, 1))),
    Planned(4, b""),
]
STREAM = b"".join(frame(message) for message in MESSAGES)


def read(*pieces: bytes) -> list[msgspec.Struct]:
    """Parse the messages of a stream that arrives in pieces."""
    reader = FrameReader[msgspec.Struct](FromEngine)
    return [message for piece in pieces for message in reader.feed(piece)]


def test_a_frame_is_a_length_and_messagepack() -> None:
    """Four bytes, little-endian, then the message."""
    data = frame(MESSAGES[0])
    assert int.from_bytes(data[:HEADER_BYTES], "little") == len(data) - HEADER_BYTES
    assert msgspec.msgpack.decode(data[HEADER_BYTES:]) == {"kind": "planned", "id": 1, "plan": b'{"layers":[]}'}


def test_several_messages_in_one_read() -> None:
    """All of them are returned, in order."""
    assert read(STREAM) == MESSAGES


def test_a_stream_split_at_any_position() -> None:
    """In the middle of a length, of a message, or between two."""
    for cut in range(len(STREAM) + 1):
        assert read(STREAM[:cut], STREAM[cut:]) == MESSAGES, cut


def test_a_stream_byte_by_byte() -> None:
    """Each message is returned with its last byte."""
    reader = FrameReader[msgspec.Struct](FromEngine)
    came = [count for count, byte in enumerate(STREAM, 1) for _ in reader.feed(bytes([byte]))]
    ends = [sum(len(frame(message)) for message in MESSAGES[: n + 1]) for n in range(len(MESSAGES))]
    assert came == ends


@settings(max_examples=100)
@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_a_stream_split_into_any_pieces(cuts: list[int]) -> None:
    """Including empty ones."""
    bounds = [0, *sorted(cuts), len(STREAM)]
    assert read(*(STREAM[start:end] for start, end in pairwise(bounds))) == MESSAGES


def test_an_incomplete_message_is_not_returned() -> None:
    """Nor an empty read."""
    assert read(STREAM[: len(frame(MESSAGES[0])) - 1]) == []
    assert read(b"") == []


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1" * 10,
        b"GET / HTTP/1.1\r\n",
        msgspec.msgpack.encode({"kind": "nobody", "id": 1}),
        msgspec.msgpack.encode({"kind": "planned"}),
        msgspec.msgpack.encode({"kind": "planned", "id": "one", "plan": b""}),
        msgspec.msgpack.encode({"kind": "run", "id": 1}),
        frame(MESSAGES[0])[HEADER_BYTES:] + b"\x00",
        b"",
    ],
)
def test_garbage_is_an_error(body: bytes) -> None:
    """Other protocols, and messages of the wrong direction."""
    with pytest.raises(msgspec.DecodeError):
        read(len(body).to_bytes(HEADER_BYTES, "little") + body)


def test_messages_before_garbage_are_delivered() -> None:
    """The error is raised in stream order."""
    reader = FrameReader[msgspec.Struct](FromEngine)
    messages = reader.feed(frame(MESSAGES[0]) + b"\x01\x00\x00\x00\xc1")
    assert next(messages) == MESSAGES[0]
    with pytest.raises(msgspec.DecodeError):
        next(messages)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends of a socket."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.settimeout(60)
    with ours, theirs:
        yield ours, theirs


def test_a_channel_reads_until_the_peer_disconnects(pair: tuple[socket.socket, socket.socket]) -> None:
    """Every message that was sent is returned, then the iteration ends."""
    ours, theirs = pair
    sent = [Release((Span(0, 1),)), Release(())]
    ours.sendall(b"".join(frame(message) for message in sent))
    ours.close()
    assert list(BlockingChannel[msgspec.Struct](theirs, FromFront).messages()) == sent


def test_a_channel_writes_frames(pair: tuple[socket.socket, socket.socket]) -> None:
    """Messages sent at one end are read at the other."""
    ours, theirs = pair
    sender = BlockingChannel[msgspec.Struct](theirs, FromFront)
    for message in MESSAGES:
        sender.send(message)
    theirs.shutdown(socket.SHUT_WR)
    assert list(BlockingChannel[msgspec.Struct](ours, FromEngine).messages()) == MESSAGES
