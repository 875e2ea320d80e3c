"""The difference of two tensors as a tensor."""

from __future__ import annotations

import numpy as np

from models.explaining.comparing.wide import Wide
from models.tensors.dtypes import DTYPES, Array, kind_of

PIECE = 1 << 14
"""Numbers per step: small enough for the CPU cache."""


def difference_dtype(a: str, b: str) -> str:
    """Return the dtype of a - b: float32, or float64 where one of them has numbers that float32 has not."""
    return "float64" if any(_needs_double(name) for name in (a, b)) else "float32"


def _needs_double(name: str) -> bool:
    dtype = DTYPES[name]
    return dtype.itemsize > (4 if kind_of(dtype) == "float" else 2)


def subtracted(a: Array, b: Array) -> Array:
    """Return a - b of two tensors of one shape, computed in double precision, a piece at a time. It is NaN where one of
    them is, and between infinities of one sign.
    """
    result = np.empty(a.size, DTYPES[difference_dtype(a.dtype.name, b.dtype.name)])
    x, y = a.reshape(-1), b.reshape(-1)
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, x.size, PIECE):
            part = slice(start, start + PIECE)
            result[part] = Wide.of(x[part]).minus(Wide.of(y[part]))
    return result.reshape(a.shape)
