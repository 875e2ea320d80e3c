"""Distances in units in the last place: how many numbers of a dtype lie between two of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.tensors.dtypes import DTYPES, FLOATS, Array, name_of

DIGITS = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}
"""Significant bits of each floating-point dtype, the implied one included."""


def counted_in(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any] | None:
    """Return the dtype whose numbers are counted: of two floating-point ones that with fewer digits; None if one is
    not floating-point.
    """
    if a not in FLOATS or b not in FLOATS:
        return None
    return DTYPES[min(name_of(a), name_of(b), key=DIGITS.__getitem__)]


def ulps_apart(a: Array, b: Array, dtype: np.dtype[Any]) -> Array:
    """Return by element how many steps from one number of `dtype` to the next lead from a to b, as unsigned integers of
    its width, which hold every such distance.

    Both are rounded to `dtype` first. 0.0 and -0.0 are the same number, and infinity is the one after the largest.
    Source of the order: Bruce Dawson, "Comparing Floating Point Numbers" (2012), twos-complement form.
    """
    with np.errstate(over="ignore"):
        x, y = (_ordered(array.astype(dtype, copy=False)) for array in (a, b))
    unsigned = f"<u{dtype.itemsize}"
    apart: Array = np.maximum(x, y).view(unsigned) - np.minimum(x, y).view(unsigned)
    return apart


def _ordered(array: Array) -> Array:
    """Return integers in the order of the numbers, consecutive ones for neighbours: of negative numbers, the negated
    magnitude bits.
    """
    bits = array.view(f"<i{array.dtype.itemsize}")
    sign = bits >> (8 * array.dtype.itemsize - 1)
    ordered: Array = ((bits & np.iinfo(bits.dtype).max) ^ sign) - sign
    return ordered
