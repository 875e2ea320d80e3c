"""From one dtype to another, refusing to lose what the caller sent."""

from __future__ import annotations

import numpy as np

from models.errors import InvalidTensor, Problem
from models.tensors.dtypes import Array, dtype_named, kind_of, plain

ADVICE = {
    "bool": "send 0 and 1, or false and true",
    "int": "round, and clip to the range of the dtype, before sending",
    "float": "clip to the range of the dtype before sending",
}
"""What to do instead, by the kind of dtype wanted."""


def converted(array: Array, dtype: str, pointer: str) -> Array:
    """The values as `dtype`, little-endian, in C order; rounding between floats is the only loss allowed.

    Raises:
        InvalidTensor: a number overflows, a fraction, NaN or infinity should become an integer, or a
            number other than 0 and 1 a bool. Names the first such value and its index.
    """
    target = dtype_named(dtype, pointer)
    source = plain(array, pointer)
    if source.dtype == target:
        return source
    with np.errstate(all="ignore"):
        result = source.astype(target)
        lost = _lost(source, result)
    if lost is not None and lost.any():
        raise _loss(source, lost, dtype, pointer)
    return result


def _lost(source: Array, result: Array) -> Array | None:
    """Where a value did not survive; None when none can be lost."""
    match kind_of(source.dtype), kind_of(result.dtype):
        case "bool", _:
            return None
        case _, "bool":
            return np.asarray((source != 0) & (source != 1))
        case _, "float":
            return _overflown(source, result)
        case "int", _:
            bounds = np.iinfo(result.dtype)
            return np.asarray((source < bounds.min) | (source > bounds.max))
    return _not_integers(source, np.iinfo(result.dtype))


def _overflown(source: Array, result: Array) -> Array | None:
    infinite = np.isinf(result)
    return np.asarray(infinite & np.isfinite(source)) if infinite.any() else None


def _not_integers(source: Array, bounds: np.iinfo) -> Array:
    """Fractions, NaN (unequal to itself) and what lies outside `bounds`, whose ends are powers of two in any float."""
    wide = source.astype(np.float64)
    return np.asarray((np.trunc(wide) != wide) | (wide < float(bounds.min)) | (wide >= float(bounds.max + 1)))


def _loss(source: Array, lost: Array, dtype: str, pointer: str) -> InvalidTensor:
    index = tuple(int(axis[0]) for axis in np.nonzero(np.atleast_1d(lost)))
    value = source[index] if source.ndim else source[()]
    where = f" at index {list(index)}" if source.ndim else ""
    return InvalidTensor(
        problems=[
            Problem(
                pointer,
                f"a value cannot be held as {dtype}",
                f"values that {dtype} holds",
                f"{value!s}{where} ({source.dtype.name})",
                ADVICE[kind_of(dtype_named(dtype, pointer))],
            )
        ]
    )
