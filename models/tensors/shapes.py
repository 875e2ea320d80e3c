"""Validation of received shapes, and shapes as text."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from models.errors import InvalidTensor, shown
from models.limits import MAX_RANK

MAX_SIZE = 2**48
"""Most elements of a shape, zeros not counted: NumPy refuses products beyond 64 bits even of empty arrays."""


def checked_shape(raw: Any, pointer: str) -> tuple[int, ...]:
    """Validate a received shape: at most MAX_RANK axes, each 0 or more. The caller compares it with the data.

    Raises:
        InvalidTensor: it is not such a shape, or over MAX_SIZE.
    """
    if not isinstance(raw, list | tuple) or not all(type(axis) is int and axis >= 0 for axis in raw):
        raise _refused(pointer, "this is not a shape", "nothing" if raw is None else shown(raw))
    if len(raw) > MAX_RANK:
        raise _refused(pointer, "the tensor has too many axes", f"{len(raw)} axes")
    if prod(axis for axis in raw if axis) > MAX_SIZE:
        raise _refused(pointer, "the shape is too large", shown(list(raw)))
    return tuple(raw)


def _refused(pointer: str, message: str, received: str) -> InvalidTensor:
    expected = f"an array of at most {MAX_RANK} integers, each 0 or more"
    return InvalidTensor.at(pointer, message, expected=expected, received=received)


def words(shape: Sequence[int | str | None]) -> str:
    """Format a shape as NumPy does, free axes as "any": `(batch, 28, any)`."""
    inner = ", ".join("any" if length is None else str(length) for length in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"
