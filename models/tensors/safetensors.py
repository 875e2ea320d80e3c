"""Reader of the safetensors format, with every check of its specification and limits, and writer of its header.

Source: huggingface/safetensors, README "Format" and safetensors/src/tensor.rs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import prod
from mmap import mmap
from typing import Any, NamedTuple, Protocol

import orjson

from models.errors import InvalidTensor, TooLarge, Unparsable, shown
from models.errors.problem import MAX_NAME, pointer_to
from models.tensors.dtypes import DTYPES, EXPECTED, SAFETENSORS_CODES, Array, from_bytes
from models.tensors.shapes import checked_shape

MAX_HEADER = 1024 * 1024
"""Longest header in bytes."""
MAX_TENSORS = 4096
"""Most tensors of one file."""
METADATA = "__metadata__"
"""The key of a header that is not the name of a tensor."""
ALIGNMENT = 8
"""The data begins at a multiple of this, so that a reader can use it in place."""
Bytes = bytes | mmap
"""The content of a file, in memory or mapped."""
NAMES = {code: name for name, code in SAFETENSORS_CODES.items()}
"""The dtype of each code."""


class TensorDescription(Protocol):
    """Name, dtype, shape and size of a tensor, without its bytes."""

    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def nbytes(self) -> int: ...


class TensorEntry(NamedTuple):
    """Position of one tensor in the data."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def read_safetensors(data: Bytes, pointer: str = "") -> dict[str, Array]:
    """Read the tensors of a .safetensors file by name, in the order of its header; views of `data` where aligned.

    Raises:
        Unparsable: it is not in this format: truncated, overlapping, out of range, with gaps or duplicates.
        TooLarge: a header over MAX_HEADER bytes or more than MAX_TENSORS tensors.
        InvalidTensor: an unsupported dtype or number of axes.
    """
    entries, body = read_layout(data, pointer)
    return {entry.name: tensor_at(body, entry, pointer) for entry in entries}


def read_layout(data: Bytes, pointer: str = "") -> tuple[list[TensorEntry], memoryview]:
    """Read the entries of a file, checked against its length, and the data that they point into.

    Raises:
        Unparsable, TooLarge, InvalidTensor: as `read_safetensors`, except for the values.
    """
    header, body = _split(data, pointer)
    header.pop(METADATA, None)
    if len(header) > MAX_TENSORS:
        raise TooLarge.at(
            pointer, "too many tensors", expected=f"at most {MAX_TENSORS}", received=f"{len(header)} tensors"
        )
    entries = [_entry(name, raw, pointer) for name, raw in header.items()]
    _check_layout(entries, len(body), pointer)
    return entries, body


def tensor_at(body: memoryview, entry: TensorEntry, pointer: str) -> Array:
    """Return one tensor: a view of the data where it is aligned."""
    return from_bytes(body[entry.begin : entry.end], entry.dtype, entry.shape, pointer_of(pointer, entry.name))


def safetensors_header(tensors: Iterable[TensorDescription], metadata: Mapping[str, str] | None = None) -> bytes:
    """Build the start of a file: the header's length in 8 bytes and the header, padded with spaces to ALIGNMENT.

    The tensors, whose names are distinct, must follow in this order.
    """
    entries: dict[str, object] = {METADATA: dict(metadata)} if metadata else {}
    begin = 0
    for tensor in tensors:
        span = [begin, begin + tensor.nbytes]
        entries[tensor.name] = {
            "dtype": SAFETENSORS_CODES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": span
        }  # fmt: skip
        begin = span[1]
    text = orjson.dumps(entries)
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _split(data: Bytes, pointer: str) -> tuple[dict[str, Any], memoryview]:
    """Return the parsed header and the data after it."""
    length = int.from_bytes(data[:8], "little") if len(data) >= 8 else None
    if length is None or length > len(data) - 8:
        received = f"{len(data)} bytes" if length is None else f"a header of {length} bytes in {len(data)} bytes"
        raise _unparsable(pointer, "this is not a .safetensors file, or it is cut short", received)
    if length > MAX_HEADER:
        raise TooLarge.at(
            pointer, "the header is too long", expected=f"at most {MAX_HEADER} bytes", received=f"{length} bytes"
        )
    return _json(data[8 : 8 + length], pointer), memoryview(data)[8 + length :]


def _json(text: bytes, pointer: str) -> dict[str, Any]:
    """Parse the header: an object without duplicate keys. Deep nesting and long numbers are errors, not crashes."""
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_distinct_keys)
    except (ValueError, RecursionError):
        header = None
    if text[:1] != b"{" or not isinstance(header, dict) or not isinstance(header.get(METADATA, {}), dict):
        raise _unparsable(pointer, "the header is not a JSON object with distinct keys", f"{len(text)} bytes")
    return header


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("duplicate keys")
    "".join(members).encode("utf-8")  # a lone surrogate is a ValueError too
    return members


def _entry(name: str, raw: Any, pointer: str) -> TensorEntry:
    """Validate one tensor's entry: its span is as long as dtype and shape require."""
    entry_pointer = pointer_of(pointer, name)
    match raw:
        case {"dtype": str(code), "shape": list(axes), "data_offsets": [int(begin), int(end)]} if _strict(raw):
            dtype, shape = _dtype(code, entry_pointer), checked_shape(axes, entry_pointer)
        case _:
            raise _unparsable(entry_pointer, "an entry is a dtype, a shape and two data_offsets", shown(raw))
    needed = prod(shape) * DTYPES[dtype].itemsize
    if end - begin != needed or begin < 0:
        raise _unparsable(entry_pointer, f"the tensor needs {needed} bytes", f"bytes {shown(begin)} to {shown(end)}")
    return TensorEntry(name, dtype, shape, begin, end)


def _strict(raw: dict[str, Any]) -> bool:
    """Whether there are no further keys, and no offset is a bool, which is an integer in Python."""
    return len(raw) == 3 and bool not in map(type, raw["data_offsets"])


def _dtype(code: str, pointer: str) -> str:
    if code in NAMES:
        return NAMES[code]
    raise InvalidTensor.at(pointer, "tensors of this dtype are not accepted", expected=EXPECTED, received=shown(code))


def _check_layout(entries: list[TensorEntry], size: int, pointer: str) -> None:
    """Check that the tensors fill the data without overlaps, gaps or a rest."""
    position = 0
    for entry in sorted(entries, key=lambda entry: (entry.begin, entry.end)):
        if entry.begin != position:
            received = f"offset {shown(entry.begin)} where {position} is next"
            raise _unparsable(pointer_of(pointer, entry.name), "the tensors overlap or leave a gap", received)
        position = entry.end
    if position != size:
        raise _unparsable(pointer, f"the tensors need {position} bytes of data", f"{size} bytes")


def pointer_of(pointer: str, name: str) -> str:
    """Return the JSON pointer to a tensor of a file."""
    return pointer + pointer_to([name[:MAX_NAME]])


def _unparsable(pointer: str, message: str, received: str) -> Unparsable:
    return Unparsable.at(pointer, message, expected="a well-formed .safetensors file", received=received)
