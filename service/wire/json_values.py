"""Tensor values in JSON: nested arrays, base64, and strings for NaN and infinities."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import orjson

from models.tensors.dtypes import Array, plain
from models.tensors.json_text import word, written

DataMode = Literal["nested", "base64", "none"]
"""Encoding of a tensor's values: nested arrays, its bytes (little-endian, C order), or none."""
LARGE_BYTES = 1 << 20
"""Larger arrays are written in pieces."""
PIECE_VALUES = 1 << 16
"""Numbers per piece: about a megabyte of text."""
PIECE_BYTES = 3 << 18
"""Bytes per piece in base64."""


@dataclass(frozen=True, slots=True)
class Large:
    """An array too large for one piece, with its encoder."""

    array: Array
    write: Callable[[Array], Iterator[bytes]]

    def pieces(self) -> Iterator[bytes]:
        """Return its text in pieces."""
        return self.write(self.array)


def values(array: Array | orjson.Fragment, mode: DataMode) -> dict[str, Any]:
    """Return `{"data": nested}`, `{"base64": bytes}` or `{}`. A fragment is `nested` text written by an engine."""
    if isinstance(array, orjson.Fragment):
        return {"data": array}
    match mode:
        case "nested":
            return {"data": nested(array)}
        case "base64":
            is_large = array.nbytes > LARGE_BYTES
            return {"base64": Large(array, _base64) if is_large else orjson.Fragment(b"".join(_base64(array)))}
    return {}


def nested(array: Array) -> Array | orjson.Fragment | Large:
    """Return the values as an object that orjson encodes as nested arrays, or one number at rank 0."""
    return Large(array, _nested) if array.nbytes > LARGE_BYTES else written(array)


def _nested(array: Array) -> Iterator[bytes]:
    return nested_pieces(array, written, PIECE_VALUES)


def nested_pieces(array: Array, convert: Callable[[Array], Any], most: int) -> Iterator[bytes]:
    """Encode nested arrays in pieces of as many rows as have `most` items; longer rows are divided recursively.
    `convert` returns what orjson encodes a piece from.
    """
    if array.size <= most or not array.ndim:
        yield orjson.dumps(convert(array), option=orjson.OPT_SERIALIZE_NUMPY)
        return
    rows = most * len(array) // array.size
    for start in range(0, len(array), max(rows, 1)):
        yield b"," if start else b"["
        if rows:
            yield orjson.dumps(convert(array[start : start + rows]), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
        else:
            yield from nested_pieces(array[start], convert, most)
    yield b"]"


def _base64(array: Array) -> Iterator[bytes]:
    """Encode the array's bytes as a string, in multiples of three bytes, which need no padding in between."""
    data = plain(array, "").reshape(-1).view(np.uint8).data
    yield b'"'
    for start in range(0, len(data), PIECE_BYTES):
        yield base64.b64encode(data[start : start + PIECE_BYTES])
    yield b'"'


def base64_bytes(nbytes: int) -> int:
    """Return the length of the base64 text of `nbytes` bytes, without quotes."""
    return 4 * -(-nbytes // 3)


def stringify_nonfinite(value: Any) -> Any:
    """Return JSON values with NaN and infinities as strings, at any depth; for small ones such as statistics."""
    text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    return orjson.Fragment(text) if b"null" not in text else _stringify(value)


def _stringify(value: Any) -> Any:
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, float | np.floating):
        return value if math.isfinite(value) else orjson.Fragment(word(float(value)))
    if isinstance(value, list | tuple):
        return [_stringify(item) for item in value]
    return {key: _stringify(item) for key, item in value.items()} if isinstance(value, Mapping) else value
