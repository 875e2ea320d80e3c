"""Numbers in JSON: nested arrays, base64, and words for what JSON has no numbers for."""

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
"""How a tensor's values are written: nested arrays, its bytes (little-endian, C order), or not at all."""
LARGE_BYTES = 1 << 20
"""Arrays of more are written in pieces."""
PIECE_VALUES = 1 << 16
"""Numbers written at once: about a megabyte of text."""
PIECE_BYTES = 3 << 18
"""Bytes written at once in base64."""


@dataclass(frozen=True, slots=True)
class Large:
    """An array too large to be written in one piece, and how it is."""

    array: Array
    write: Callable[[Array], Iterator[bytes]]

    def pieces(self) -> Iterator[bytes]:
        """Its text."""
        return self.write(self.array)


def values(array: Array | orjson.Fragment, mode: DataMode) -> dict[str, Any]:
    """`{"data": nested}`, `{"base64": bytes}` or nothing. A fragment is the text that an engine wrote for `nested`."""
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
    """The values as something orjson writes as nested arrays, a rank of 0 as one number."""
    return Large(array, _nested) if array.nbytes > LARGE_BYTES else written(array)


def _nested(array: Array) -> Iterator[bytes]:
    """The text of `nested`, as many rows at a time as hold PIECE_VALUES; longer rows are divided themselves."""
    if array.size <= PIECE_VALUES or not array.ndim:
        yield orjson.dumps(written(array), option=orjson.OPT_SERIALIZE_NUMPY)
        return
    rows = PIECE_VALUES * len(array) // array.size
    for start in range(0, len(array), max(rows, 1)):
        yield b"," if start else b"["
        if rows:
            yield orjson.dumps(written(array[start : start + rows]), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
        else:
            yield from _nested(array[start])
    yield b"]"


def _base64(array: Array) -> Iterator[bytes]:
    """The array's bytes as a string; parts of a multiple of three bytes need no padding in between."""
    data = plain(array, "").reshape(-1).view(np.uint8).data
    yield b'"'
    for start in range(0, len(data), PIECE_BYTES):
        yield base64.b64encode(data[start : start + PIECE_BYTES])
    yield b'"'


def base64_bytes(nbytes: int) -> int:
    """The length of so many bytes in base64, without quotes."""
    return 4 * -(-nbytes // 3)


def spelled(value: Mapping[str, Any]) -> Any:
    """Plain JSON values with NaN and infinities in words, at any depth; for small ones such as statistics."""
    text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    return orjson.Fragment(text) if b"null" not in text else _spelled(value)


def _spelled(value: Any) -> Any:
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, float | np.floating):
        return value if math.isfinite(value) else orjson.Fragment(word(float(value)))
    if isinstance(value, list | tuple):
        return [_spelled(item) for item in value]
    return {key: _spelled(item) for key, item in value.items()} if isinstance(value, Mapping) else value
