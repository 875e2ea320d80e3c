"""Millions of numbers in JSON, made into an array a few thousand at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import orjson

from models.json_text.limits import Claim
from models.json_text.structure import STRETCH
from models.tensors.dtypes import Array
from models.tensors.numbers import DIGITS, Numbers, shape_of

WITHOUT_BRACKETS = bytes.maketrans(b"[]", b"  ")
NUMBER_BYTES = 16
"""Of one number: as it is read, and in the dtype of its input."""
EXACT = 2**53
"""Up to here every integer is a float64."""


def large_numbers_in(text: bytes, start: int, end: int, claim: Claim, pointer: str) -> Numbers | None:
    """The numbers of the JSON from `start` to before `end`; None where it is no regular array of numbers alone.

    They come as int64 where all are integers that it holds, as float64 where that keeps every integer, else as written.
    """
    places = range(start, end, STRETCH)
    skeleton = b"".join(text[place : min(place + STRETCH, end)].translate(None, DIGITS) for place in places)
    shape = shape_of(skeleton)
    if shape is None:
        return None
    claim(2 * len(skeleton) + NUMBER_BYTES * prod(shape), end - start, pointer)
    leaves: Array | list[Any] | None = _array(text, start, end, prod(shape))
    if leaves is None:
        claim(3 * NUMBER_BYTES * prod(shape), end - start, pointer)
        leaves = _as_written(text, start, end)
    return Numbers(shape, leaves) if leaves is not None and len(leaves) == prod(shape) else None


def _chunks(text: bytes, start: int, end: int) -> Iterator[list[Any]]:
    """The numbers of some stretches after the other. Raises orjson.JSONDecodeError."""
    while start < end:
        stop = min(start + STRETCH, end)
        cut = text.rfind(b",", start, stop) if stop < end else end
        cut = cut if cut >= start else text.find(b",", stop, end)
        cut = cut if cut >= start else end
        yield orjson.loads(b"[%b]" % text[start:cut].translate(WITHOUT_BRACKETS))
        start = cut + 1


def _array(text: bytes, start: int, end: int, count: int) -> Array | None:
    """The numbers as one array; None where it would not hold all of them as they are."""
    made = _Made(np.empty(count, np.float64))
    try:
        for chunk in _chunks(text, start, end):
            if made.done + len(chunk) > count or not made.add(chunk):
                return None
    except (orjson.JSONDecodeError, OverflowError):
        return None
    return made.numbers[: made.done]


@dataclass
class _Made:
    """As many numbers as there will be, of which the first are there: integers, until a fraction comes."""

    floats: Array
    done: int = 0
    are_integers: bool = True

    @property
    def numbers(self) -> Array:
        return self.floats.view(np.int64) if self.are_integers else self.floats

    def add(self, chunk: list[Any]) -> bool:
        """Takes some more. False where they are no numbers, or integers that floats do not hold.

        Raises:
            OverflowError: integers of more than 64 bits.
        """
        kinds = set(map(type, chunk))
        if not kinds <= {int, float}:
            return False
        if float in kinds and self.are_integers and not self._widened():
            return False
        numbers = np.array(chunk, np.int64 if float not in kinds else np.float64)
        if not self.are_integers and int in kinds and not _is_exact(numbers, chunk):
            return False
        self.numbers[self.done : self.done + len(chunk)] = numbers
        self.done += len(chunk)
        return True

    def _widened(self) -> bool:
        integers = self.numbers[: self.done]
        self.are_integers = False
        if len(integers) and max(-int(integers.min()), int(integers.max())) >= EXACT:
            return False
        self.floats[: self.done] = integers.astype(np.float64)
        return True


def _is_exact(numbers: Array, chunk: list[Any]) -> bool:
    """Whether the integers among them are below 2**53."""
    return all(type(chunk[place]) is float for place in np.flatnonzero(np.abs(numbers) >= EXACT).tolist())


def _as_written(text: bytes, start: int, end: int) -> list[Any] | None:
    leaves: list[Any] = []
    try:
        for chunk in _chunks(text, start, end):
            leaves += chunk
    except orjson.JSONDecodeError:
        return None
    return leaves
