"""Sorted tables of LevelDB's format, in which TensorFlow keeps the index of a checkpoint.

Source: github.com/google/leveldb, doc/table_format.md; tensorflow/core/lib/io/table_builder.cc and format.h.
"""

from __future__ import annotations

from collections.abc import Iterator

import google_crc32c

from models.weights.reader_refusal import Refusal
from models.weights.saved_model.wire import Malformed, varint

FOOTER, MAGIC = 48, 0xDB4775248B80FB57
"""The length of a table's last part, and the number at its end."""
TRAILER = 5
"""Bytes behind a block: how it is compressed, and its checksum."""
UNCOMPRESSED = 0
WORD = 4
MAX_ENTRIES = 65_536
"""Most entries of a table: a model's variables, and the optimizer's, which are some for each of them."""
MASK = 0xA282EAD8


def masked(checksum: int) -> int:
    """Return a CRC-32C as files store it: rotated, and with a number added."""
    return ((checksum >> 15 | checksum << 17) + MASK) & 0xFFFFFFFF


def entries(data: memoryview) -> dict[bytes, memoryview]:
    """Return the entries of a table, by key.

    Raises:
        Refusal: it is damaged, compressed or has too many entries.
        Malformed: something ends too early.
    """
    footer = data[-FOOTER:]
    if len(data) < FOOTER or int.from_bytes(footer[-8:], "little") != MAGIC:
        raise Refusal("variables.index is no index of a checkpoint", f"{len(data)} bytes")
    _, position = _handle(footer, 0)
    (start, size), _ = _handle(footer, position)
    found: dict[bytes, memoryview] = {}
    for _, block in _entries(_block(data, start, size)):
        (start, size), _ = _handle(block, 0)
        for key, value in _entries(_block(data, start, size)):
            if found and key <= next(reversed(found)):
                raise Malformed("keys are not in order")
            found[key] = value
            if len(found) > MAX_ENTRIES:
                raise Refusal("the checkpoint has too many entries", f"over {MAX_ENTRIES}", too_large=True)
    return found


def _handle(data: memoryview, position: int) -> tuple[tuple[int, int], int]:
    """Return where a block begins and its size, and the position behind both."""
    start, position = varint(data, position)
    size, position = varint(data, position)
    return (start, size), position


def _block(data: memoryview, start: int, size: int) -> memoryview:
    """Return the entries of a block, once its checksum agrees."""
    end = start + size + TRAILER
    if end > len(data):
        raise Malformed("a block ends behind the file")
    stored, checked = int.from_bytes(data[end - WORD : end], "little"), data[start : end - WORD]
    if masked(google_crc32c.value(bytes(checked))) != stored:
        raise Refusal("variables.index is damaged", "a block with another checksum")
    if checked[-1] != UNCOMPRESSED:
        raise Refusal("variables.index is compressed, which TensorFlow does not write", f"method {checked[-1]}")
    return _without_restarts(checked[:-1])


def _without_restarts(block: memoryview) -> memoryview:
    """Cut the list of places where keys are complete, which is for searching."""
    length = WORD * (1 + int.from_bytes(block[-WORD:], "little"))
    if len(block) < WORD or length > len(block):
        raise Malformed("a block ends too early")
    return block[:-length]


def _entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the keys, of which each says how much of the one before it begins with, and the values."""
    position, key = 0, b""
    while position < len(block):
        shared, position = varint(block, position)
        rest, position = varint(block, position)
        size, position = varint(block, position)
        end = position + rest + size
        if shared > len(key) or end > len(block):
            raise Malformed("an entry ends behind its block")
        key = key[:shared] + bytes(block[position : position + rest])
        yield key, block[position + rest : end]
        position = end
