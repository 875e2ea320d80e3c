"""Conversion between dtypes, with an error for lossy values."""

from __future__ import annotations

import numpy as np

from models.errors import InvalidTensor
from models.tensors.dtypes import Array, dtype_named, kind_of, plain

ADVICE = {
    "bool": "send 0 and 1, or false and true",
    "int": "round, and clip to the range of the dtype, before sending",
    "float": "clip to the range of the dtype before sending",
}
"""Advice by the kind of the target dtype."""


def converted(array: Array, dtype: str, pointer: str) -> Array:
    """Convert to `dtype`, little-endian, in C order; rounding between floats is the only loss allowed.

    Raises:
        InvalidTensor: with the first value that overflows, is a fraction, NaN or infinite for an integer
            dtype, or is neither 0 nor 1 for bool, and its index.
    """
    target = dtype_named(dtype, pointer)
    source = plain(array, pointer)
    if source.dtype == target:
        return source
    with np.errstate(all="ignore"):
        result = source.astype(target)
        lossy = _lossy_mask(source, result)
    if lossy is not None and lossy.any():
        raise _lossy_error(source, lossy, dtype, pointer)
    return result


def _lossy_mask(source: Array, result: Array) -> Array | None:
    """Return the mask of the values that were lost; None when none can be."""
    match kind_of(source.dtype), kind_of(result.dtype):
        case "bool", _:
            return None
        case _, "bool":
            return np.asarray((source != 0) & (source != 1))
        case _, "float":
            return _overflow_mask(source, result)
        case "int", _:
            bounds = np.iinfo(result.dtype)
            return np.asarray((source < bounds.min) | (source > bounds.max))
    return _non_integer_mask(source, np.iinfo(result.dtype))


def _overflow_mask(source: Array, result: Array) -> Array | None:
    infinite = np.isinf(result)
    return np.asarray(infinite & np.isfinite(source)) if infinite.any() else None


def _non_integer_mask(source: Array, bounds: np.iinfo) -> Array:
    """Return the mask of fractions, NaN (unequal to itself) and values outside `bounds`; these are powers of two in any
    float.
    """
    wide = source.astype(np.float64)
    return np.asarray((np.trunc(wide) != wide) | (wide < float(bounds.min)) | (wide >= float(bounds.max + 1)))


def _lossy_error(source: Array, lossy: Array, dtype: str, pointer: str) -> InvalidTensor:
    index = tuple(int(axis[0]) for axis in np.nonzero(np.atleast_1d(lossy)))
    value = source[index] if source.ndim else source[()]
    where = f" at index {list(index)}" if source.ndim else ""
    return InvalidTensor.at(
        pointer,
        f"a value cannot be held as {dtype}",
        expected=f"values that {dtype} holds",
        received=f"{value!s}{where} ({source.dtype.name})",
        suggestion=ADVICE[kind_of(dtype_named(dtype, pointer))],
    )
