"""The view `slice`: a part of a tensor, in NumPy's basic notation over all axes, the batch first: `0, :, :, 3:8`.

Bounds are not clamped: where NumPy would silently return less than requested, or nothing, this is an error.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np

from models.errors import InvalidOption, shown
from models.limits import MAX_RANK
from models.tensors.dtypes import Array
from models.views.tensor_type import MAX_TEXT, TensorType

INTEGER = r"\s*([+-]?\d{1,12})?\s*"
PART = re.compile(rf"{INTEGER}(?:(:){INTEGER}(?::{INTEGER})?)?", re.ASCII)
EXPECTED = 'for each axis an integer, start:stop:step or "...", separated by commas'


class SliceRange(msgspec.Struct, frozen=True, array_like=True):
    """A `start:stop:step`, each of them optional."""

    start: int | None = None
    stop: int | None = None
    step: int | None = None


class SliceView(msgspec.Struct, frozen=True):
    """Slice of a tensor: an index or range for each axis; None stands for `...`."""

    parts: tuple[int | SliceRange | None, ...]
    text: str
    pointer: str

    def result_type(self, tensor: TensorType, address: str) -> TensorType:
        """Return the type of the result. An axis indexed by an integer is removed.

        Raises:
            InvalidOption: an index or bound is outside its axis, the result is empty, or there are too many parts.
        """
        kept = [
            (_length(part, length, f"{address}, axis {number}", self.pointer), axis)
            for number, (part, length, axis) in enumerate(
                zip(self._expand(len(tensor.shape), address), tensor.shape, tensor.axes, strict=True)
            )
            if isinstance(part, SliceRange) or _checked_index(part, length, f"{address}, axis {number}", self.pointer)
        ]
        return TensorType(tuple(length for length, _ in kept), tensor.dtype, "".join(axis for _, axis in kept))

    def apply(self, array: Array) -> Array:
        """Return the sliced array, as a view of the same memory."""
        return np.asarray(array[tuple(_numpy_index(part) for part in self.parts)])

    def expanded(self, rank: int) -> list[int | SliceRange]:
        """Return a part for each axis of a tensor of this rank, which the slice fits."""
        return self._expand(rank, "")

    def last_part(self, rank: int) -> int | SliceRange:
        """Return the part of the last axis of a tensor of this rank, which the slice fits."""
        return self._expand(rank, "")[-1]

    def _expand(self, rank: int, address: str) -> list[int | SliceRange]:
        """Expand `...` to one part for each axis."""
        count = len(self.parts) - self.parts.count(None)
        if count > rank:
            message = f"{address}: the slice has more parts than the tensor has axes"
            raise InvalidOption.at(self.pointer, message, f"at most {rank} parts", f"{count} parts")
        parts = self.parts if None in self.parts else (*self.parts, None)
        ellipsis, full_axes = parts.index(None), [SliceRange()] * (rank - count)
        explicit = [part for part in parts if part is not None]
        return [*explicit[:ellipsis], *full_axes, *explicit[ellipsis:]]


def parse_slice(value: Any, pointer: str) -> SliceView:
    """Parse a slice.

    Raises:
        InvalidOption: it is not basic slicing.
    """
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
        raise InvalidOption.at(pointer, "this is not a slice", EXPECTED, shown(value), 'write "0, :, :, 3:8"')
    words = [word.strip() for word in value.split(",")]
    parts = tuple(_part(word, pointer) for word in words)
    if parts.count(None) > 1:
        raise InvalidOption.at(pointer, 'a slice has one "..." at most', EXPECTED, shown(value))
    if len(parts) > MAX_RANK + 1:
        raise InvalidOption.at(
            pointer, "the slice has too many parts", f"at most {MAX_RANK} parts", f"{len(parts)} parts"
        )
    return SliceView(parts, ", ".join(words), pointer)


def _part(word: str, pointer: str) -> int | SliceRange | None:
    if word == "...":
        return None
    match = PART.fullmatch(word)
    if not word or match is None:
        raise InvalidOption.at(pointer, "this part of the slice is none", EXPECTED, shown(word))
    start, stop, step = (int(number) if number else None for number in match.group(1, 3, 4))
    if start is not None and not match[2]:
        return start
    if step == 0:
        raise InvalidOption.at(pointer, "a step of 0 goes nowhere", "a step other than 0", shown(word))
    return SliceRange(start, stop, step)


def _numpy_index(part: int | SliceRange | None) -> Any:
    if isinstance(part, SliceRange):
        return slice(part.start, part.stop, part.step)
    return ... if part is None else part


def _checked_index(index: int, length: int | None, where: str, pointer: str) -> bool:
    """Check an index; False, since its axis is removed."""
    if length is not None and not -length <= index < length:
        message = f"{where}: index {index} is out of range"
        raise InvalidOption.at(pointer, message, f"{-length} to {length - 1}", str(index))
    return False


def _length(part: int | SliceRange, length: int | None, where: str, pointer: str) -> int | None:
    """Return the length of a range of an axis; None while that is free."""
    if part == SliceRange() or length is None or isinstance(part, int):
        return length
    last = length if (part.step or 1) > 0 else length - 1
    for bound in (part.start, part.stop):
        if bound is not None and not -length <= bound <= last:
            message = f"{where}: bound {bound} is out of range"
            raise InvalidOption.at(pointer, message, f"{-length} to {last}, or nothing for the end", str(bound))
    selected = len(range(*slice(part.start, part.stop, part.step).indices(length)))
    if selected == 0:
        raise InvalidOption.at(
            pointer, f"{where}: nothing is left", f"at least one of {length} elements", _written(part)
        )
    return selected


def _written(part: SliceRange) -> str:
    start, stop, step = ("" if bound is None else str(bound) for bound in (part.start, part.stop, part.step))
    return f"{start}:{stop}" + (f":{step}" if step else "")
