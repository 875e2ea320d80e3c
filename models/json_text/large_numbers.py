"""Conversion of large JSON arrays of numbers into NumPy arrays, a chunk of text at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import orjson

from models.json_text.limits import Claim
from models.json_text.pauses import let_others_run
from models.json_text.structure import CHUNK_BYTES
from models.tensors.dtypes import Array
from models.tensors.numbers import DIGITS, Numbers, shape_of

WITHOUT_BRACKETS = bytes.maketrans(b"[]", b"  ")
"""A translation of brackets to spaces."""
NUMBER_BYTES = 16
"""Memory of one number: as parsed, and in the dtype of its input."""
EXACT = 2**53
"""Every integer up to this is exact in float64."""


def large_numbers_in(text: bytes, start: int, end: int, claim: Claim, pointer: str) -> Numbers | None:
    """Return the numbers of the JSON in `text[start:end]`; None unless it is a regular array of numbers alone.

    They are int64 where all are integers in its range, float64 where every integer is exact in it, else Python numbers.
    """
    starts = range(start, end, CHUNK_BYTES)
    skeleton = b"".join(text[offset : min(offset + CHUNK_BYTES, end)].translate(None, DIGITS) for offset in starts)
    shape = shape_of(skeleton)
    if shape is None:
        return None
    claim(2 * len(skeleton) + NUMBER_BYTES * prod(shape), end - start, pointer)
    leaves: Array | list[Any] | None = _array(text, start, end, prod(shape))
    if leaves is None:
        claim(3 * NUMBER_BYTES * prod(shape), end - start, pointer)
        leaves = _python_numbers(text, start, end)
    return Numbers(shape, leaves) if leaves is not None and len(leaves) == prod(shape) else None


def _chunks(text: bytes, start: int, end: int) -> Iterator[list[Any]]:
    """Yield the numbers of one chunk of text after the other. Raises orjson.JSONDecodeError."""
    while start < end:
        stop = min(start + CHUNK_BYTES, end)
        cut = text.rfind(b",", start, stop) if stop < end else end
        cut = cut if cut >= start else text.find(b",", stop, end)
        cut = cut if cut >= start else end
        yield orjson.loads(b"[%b]" % text[start:cut].translate(WITHOUT_BRACKETS))
        let_others_run()
        start = cut + 1


def _array(text: bytes, start: int, end: int, count: int) -> Array | None:
    """Return the numbers as one array; None where it cannot hold all of them exactly."""
    array = _NumberArray(np.empty(count, np.float64))
    try:
        for chunk in _chunks(text, start, end):
            if array.filled + len(chunk) > count or not array.add(chunk):
                return None
    except (orjson.JSONDecodeError, OverflowError):
        return None
    return array.numbers[: array.filled]


@dataclass
class _NumberArray:
    """Preallocated array that is filled in order: int64 until the first float, then float64."""

    floats: Array
    filled: int = 0
    are_integers: bool = True

    @property
    def numbers(self) -> Array:
        return self.floats.view(np.int64) if self.are_integers else self.floats

    def add(self, chunk: list[Any]) -> bool:
        """Append numbers. False where some are not numbers, or integers that are not exact in float64.

        Raises:
            OverflowError: integers of more than 64 bits.
        """
        kinds = set(map(type, chunk))
        if not kinds <= {int, float}:
            return False
        if float in kinds and self.are_integers and not self._widen():
            return False
        numbers = np.array(chunk, np.int64 if float not in kinds else np.float64)
        if not self.are_integers and int in kinds and not _is_exact(numbers, chunk):
            return False
        self.numbers[self.filled : self.filled + len(chunk)] = numbers
        self.filled += len(chunk)
        return True

    def _widen(self) -> bool:
        integers = self.numbers[: self.filled]
        self.are_integers = False
        if len(integers) and max(-int(integers.min()), int(integers.max())) >= EXACT:
            return False
        self.floats[: self.filled] = integers.astype(np.float64)
        return True


def _is_exact(numbers: Array, chunk: list[Any]) -> bool:
    """Whether all integers of the chunk are below 2**53."""
    return all(type(chunk[offset]) is float for offset in np.flatnonzero(np.abs(numbers) >= EXACT).tolist())


def _python_numbers(text: bytes, start: int, end: int) -> list[Any] | None:
    leaves: list[Any] = []
    try:
        for chunk in _chunks(text, start, end):
            leaves += chunk
    except orjson.JSONDecodeError:
        return None
    return leaves
