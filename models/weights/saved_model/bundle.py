"""A checkpoint of TensorFlow 2: an index of tensors, and the files of their numbers.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc, and under tensorflow/core protobuf/tensor_bundle.proto and
framework/types.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import BinaryIO, NamedTuple

import google_crc32c

from models.tensors.dtypes import DTYPES
from models.weights.reader_refusal import Refusal
from models.weights.saved_model import table
from models.weights.saved_model.wire import Malformed, as_bytes, as_integer, fields, messages, varint

INDEX, DATA = "variables.index", "variables.data-{:05}-of-{:05}"
HEADER = b""
"""The key of the header."""
STRING = 7
TYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 9: "int64", 10: "bool", 14: "bfloat16",
    17: "uint16", 19: "float16", 22: "uint32", 23: "uint64",
}  # fmt: skip
"""The dtypes that are read, by TensorFlow's numbers."""
MAX_TEXT = 64 * 1024 * 1024
"""Most bytes of the object graph."""
MAX_RANK = 32
SLAB_BYTES = 16 * 1024 * 1024
"""Bytes that are read at once."""
UINT32 = 4


class Stored(NamedTuple):
    """Where a tensor is: the number of its file, its first byte there and their number, with their checksum."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    start: int
    size: int
    checksum: int
    is_sliced: bool


class Bundle:
    """An opened checkpoint.

    Raises:
        Refusal, Malformed: it is damaged, or not in this format.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries = table.entries(memoryview((folder / INDEX).read_bytes()))
        if HEADER not in self._entries:
            raise Malformed("there is no header")
        facts = dict(fields(self._entries[HEADER]))
        self._shards = as_integer(facts.get(1, 0))
        if facts.get(2, 0):
            raise Refusal("the checkpoint was written in another order of bytes", "big-endian numbers")

    def declared(self, key: str) -> tuple[str, tuple[int, ...]]:
        """Return the dtype and shape of a tensor, once its size agrees and its file is long enough.

        Raises:
            Refusal: it is not there, in parts, or holds something other than numbers.
        """
        found = self._stored(key)
        if found.dtype not in TYPES:
            raise Refusal("a variable holds something other than numbers", f"type {found.dtype} of {key[-200:]}")
        dtype = TYPES[found.dtype]
        if prod(found.shape) * DTYPES[dtype].itemsize != found.size:
            raise Refusal("a variable has another size than its shape says", f"{found.size} bytes of {key[-200:]}")
        return dtype, found.shape

    def text(self, key: str) -> memoryview:
        """Return a single text. Its length precedes it, with a checksum of its own."""
        found = self._stored(key)
        if found.dtype != STRING or found.shape or found.size > MAX_TEXT:
            raise Refusal("the object graph of the checkpoint is no text, or too long", f"{found.size} bytes")
        data = memoryview(b"".join(self._parts(found)))
        length, position = varint(data, 0)
        text = data[position + UINT32 :]
        covered = length.to_bytes(UINT32, "little") + bytes(data[position:])
        if len(text) != length or table.masked(google_crc32c.value(covered)) != found.checksum:
            raise _damaged(key)
        return text

    def copy(self, key: str, target: BinaryIO) -> None:
        """Write a tensor's numbers: little-endian, C order.

        Raises:
            Refusal: their checksum is another one.
        """
        found, checksum = self._stored(key), 0
        for part in self._parts(found):
            checksum = google_crc32c.extend(checksum, part)
            target.write(part)
        if table.masked(checksum) != found.checksum:
            raise _damaged(key)

    def __contains__(self, key: str) -> bool:
        return key.encode() in self._entries

    def _stored(self, key: str) -> Stored:
        if key not in self:
            raise Refusal("the checkpoint lacks a variable of its own object graph", key[-200:])
        found = _stored(self._entries[key.encode()])
        if found.is_sliced:
            raise Refusal("a variable is stored in parts, as parameter servers write it", key[-200:])
        path = self._path(found.shard)
        if not path.is_file() or found.start + found.size > path.stat().st_size:
            raise Refusal("a file of the checkpoint is missing or too short", path.name)
        return found

    def _path(self, shard: int) -> Path:
        return self._folder / DATA.format(shard, self._shards)

    def _parts(self, found: Stored) -> Iterator[bytes]:
        """Yield the bytes of a tensor."""
        with self._path(found.shard).open("rb") as file:
            file.seek(found.start)
            for start in range(0, found.size, SLAB_BYTES):
                yield file.read(min(SLAB_BYTES, found.size - start))


def _stored(entry: memoryview) -> Stored:
    """Parse an entry of the index."""
    values = dict(fields(entry))
    dtype, shard, start, size, checksum = (as_integer(values.get(number, 0)) for number in (1, 3, 4, 5, 6))
    shape = tuple(_lengths(as_bytes(values.get(2, memoryview(b"")))))
    return Stored(dtype, shape, shard, start, size, checksum, is_sliced=7 in values)


def _lengths(shape: memoryview) -> Iterator[int]:
    """Yield the lengths of a shape; one that is unknown is a large number."""
    for number, dimension in enumerate(messages(shape, 2)):
        if number == MAX_RANK:
            raise Malformed("a shape has too many axes")
        yield as_integer(dict(fields(dimension)).get(1, 0))


def _damaged(key: str) -> Refusal:
    return Refusal("the numbers of the checkpoint are damaged", f"another checksum of {key[-200:]}")
