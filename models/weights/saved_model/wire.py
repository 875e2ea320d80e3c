"""Protocol buffers in their wire format: the fields of one message, those inside it left as bytes.

Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""Wire types; groups, the other two, are not read."""
MAX_VARINT = 10
"""Most bytes of a varint."""
Value = int | memoryview


class Malformed(ValueError):
    """Data that is not in the wire format, or holds another type than the field's."""


def fields(data: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield the number and value of each field: an integer, or the bytes of a text or message.

    Raises:
        Malformed
    """
    position = 0
    while position < len(data):
        tag, position = varint(data, position)
        start, position = _bounds(data, position, tag & 7)
        if tag >> 3 == 0 or position > len(data):
            raise Malformed("a field ends behind its message")
        part = data[start:position]
        if tag & 7 == LENGTH:
            yield tag >> 3, part
        else:
            yield tag >> 3, varint(part, 0)[0] if tag & 7 == VARINT else int.from_bytes(part, "little")


def _bounds(data: memoryview, position: int, kind: int) -> tuple[int, int]:
    """Return where the value of a field of this wire type begins and ends."""
    if kind == VARINT:
        return position, varint(data, position)[1]
    if kind == LENGTH:
        length, position = varint(data, position)
        return position, position + length
    if kind in (FIXED32, FIXED64):
        return position, position + (4 if kind == FIXED32 else 8)
    raise Malformed("an unknown wire type")


def varint(data: memoryview, position: int) -> tuple[int, int]:
    """Return the integer at a position, and the position behind it.

    Raises:
        Malformed: it does not end.
    """
    value = 0
    for number, byte in enumerate(data[position : position + MAX_VARINT]):
        value |= (byte & 0x7F) << (7 * number)
        if byte < 0x80:
            return value, position + number + 1
    raise Malformed("an integer does not end")


def messages(data: memoryview, number: int) -> Iterator[memoryview]:
    """Yield the texts or messages of one field."""
    for field, value in fields(data):
        if field == number:
            yield as_bytes(value)


def as_bytes(value: Value) -> memoryview:
    """Return a field's bytes; raises Malformed for an integer."""
    if isinstance(value, int):
        raise Malformed("an integer stands for a text or message")
    return value


def as_text(value: Value) -> str:
    """Return a field's text; raises Malformed for an integer, UnicodeDecodeError for other bytes than UTF-8."""
    return bytes(as_bytes(value)).decode()


def as_integer(value: Value) -> int:
    """Return a field's integer; raises Malformed for bytes."""
    if not isinstance(value, int):
        raise Malformed("a text or message stands for an integer")
    return value
