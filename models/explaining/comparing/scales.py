"""Powers of two that keep squares of float64 numbers, and sums of them, inside double precision."""

from __future__ import annotations

from collections.abc import Iterable
from math import frexp, inf, isfinite, ldexp
from typing import NamedTuple

import numpy as np

from models.explaining.comparing.wide import Wide
from models.tensors.dtypes import Array

SAFE_EXPONENT = 400
"""Magnitudes from 2**-400 to 2**400 have squares, and sums of them, that double precision holds."""
MAX_EXPONENT = 1000
"""Of the largest scale; the smallest float64, 2**-1074, then has a square that is not 0."""
OVERFLOWN = 1025
"""Exponent of a difference of two float64 that float64 cannot hold."""


class Scales(NamedTuple):
    """Exponents of the powers of two that `a`, `b` and their differences are multiplied by."""

    a: int = 0
    b: int = 0
    apart: int = 0


def scales_for(pieces: Iterable[tuple[Array, Array]]) -> Scales:
    """Return the scales for two tensors in pieces. Only those of float64 need any: squares of other dtypes fit."""
    largest = [0.0, 0.0, 0.0]
    for a, b in pieces:
        if np.float64 not in (a.dtype, b.dtype):
            return Scales()
        wide_a, wide_b = Wide.of(a), Wide.of(b)
        with np.errstate(over="ignore", invalid="ignore"):
            apart = wide_a.minus(wide_b)
        both = np.isfinite(wide_a.high) & np.isfinite(wide_b.high)
        for place, values in enumerate((wide_a.high, wide_b.high, apart)):
            largest[place] = max(largest[place], float(np.abs(values[both]).max(initial=0)))
    return Scales(*map(_exponent, largest))


def _exponent(largest: float) -> int:
    """Return the exponent of a scale that brings a magnitude near 1, or 0 if its square is safe without."""
    exponent = frexp(largest)[1] if isfinite(largest) else OVERFLOWN
    if largest == 0 or abs(exponent) <= SAFE_EXPONENT:
        return 0
    return -exponent if exponent > -MAX_EXPONENT else MAX_EXPONENT


def scaled_apart(a: Wide, b: Wide, exponent: int) -> Array:
    """Return |a - b| · 2**exponent, where neither overflows."""
    if exponent >= 0:
        with np.errstate(over="ignore"):
            return np.abs(a.minus(b)) * 2.0**exponent
    scale = 2.0**exponent
    return np.abs(a.times(scale).minus(b.times(scale)))


def power(value: float, exponent: int) -> float:
    """Return value · 2**exponent, infinite if float64 cannot hold it."""
    try:
        return ldexp(value, exponent)
    except OverflowError:
        return inf
