"""Numbers of any dtype in double precision, with differences that lose nothing to the conversion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.tensors.dtypes import Array

LOW_BITS = 32
"""Bits of a 64-bit integer that are kept apart: its halves are exact in double precision, and it is not."""


@dataclass(frozen=True, slots=True)
class Wide:
    """The numbers `high + low`, both float64. `low` is None where every number is exact without it."""

    high: Array
    low: Array | None = None

    @classmethod
    def of(cls, array: Array) -> Wide:
        """Return the numbers of an array of any dtype."""
        if array.dtype.kind not in "iu" or array.dtype.itemsize < 8:
            return cls(array.astype(np.float64))
        high = (array >> LOW_BITS).astype(np.float64) * 2.0**LOW_BITS
        return cls(high, (array & 0xFFFFFFFF).astype(np.float64))

    @property
    def rounded(self) -> Array:
        """The numbers in double precision."""
        return self.high if self.low is None else self.high + self.low

    def chosen(self, mask: Array) -> Wide:
        """Return the numbers where the mask is true."""
        return Wide(self.high[mask], None if self.low is None else self.low[mask])

    def times(self, scale: float) -> Wide:
        """Return the numbers multiplied by a power of two."""
        return Wide(self.high * scale, None if self.low is None else self.low * scale)

    def minus(self, other: Wide) -> Array:
        """Return the differences: between integers the exact ones, rounded once, so that uint64 does not wrap around;
        between floats as double precision computes them.
        """
        difference = self.high - other.high
        if self.low is None and other.low is None:
            return difference
        zero = np.float64(0)
        return difference + ((zero if self.low is None else self.low) - (zero if other.low is None else other.low))
