"""Sums over the differences of two tensors, added up in pieces, so that no copy in double precision is as large as a
tensor.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log10, sqrt

import numpy as np

from models.explaining.comparing.scales import Scales, power, scaled_apart
from models.explaining.comparing.ulps import counted_in, ulps_apart
from models.explaining.comparing.wide import Wide
from models.tensors.dtypes import Array

DECIBELS = 20 * log10(2)
"""Of a factor of two in amplitude."""


@dataclass(slots=True)
class Sums:
    """Running sums over the positions where both tensors are finite, of numbers multiplied by `scales`."""

    scales: Scales
    count: int = 0
    a_squares: float = 0.0
    b_squares: float = 0.0
    products: float = 0.0
    squares: float = 0.0
    """Of the differences."""
    absolutes: float = 0.0
    """Of the differences."""
    ulps: int = 0
    largest: float = 0.0
    """The largest difference, as it is."""
    place: int | None = None
    """The first position of the largest difference; None while there is no difference."""

    def add(self, a: Wide, b: Wide, finite: Array, start: int) -> Array:
        """Add the finite numbers of a piece that starts at `start`, and return |a - b|."""
        x, y = a.rounded * 2.0**self.scales.a, b.rounded * 2.0**self.scales.b
        apart = z = scaled_apart(a, b, 0)
        if self.scales.apart:
            z = scaled_apart(a, b, self.scales.apart)
        self._keep_largest(apart, finite, start)
        self.count += z.size
        self.a_squares += float(x @ x)
        self.b_squares += float(y @ y)
        self.products += float(x @ y)
        self.squares += float(z @ z)
        self.absolutes += float(z.sum())
        return apart

    def add_same(self, both: Wide) -> None:
        """Add numbers that both tensors have."""
        x = both.rounded
        y = x * 2.0**self.scales.b
        x = x * 2.0**self.scales.a
        self.count += x.size
        self.a_squares += float(x @ x)
        self.b_squares += float(y @ y)
        self.products += float(x @ y)

    def add_ulps(self, a: Array, b: Array) -> None:
        """Add the same numbers in their own dtypes."""
        dtype = counted_in(a.dtype, b.dtype)
        if dtype is not None:
            self.ulps = max(self.ulps, int(ulps_apart(a, b, dtype).max()))

    def _keep_largest(self, apart: Array, finite: Array, start: int) -> None:
        first = int(apart.argmax())
        if apart[first] > self.largest:
            self.largest = float(apart[first])
            self.place = start + int(np.flatnonzero(finite)[first])

    @property
    def mean_abs(self) -> float:
        """The mean of |a - b|."""
        return power(self.absolutes / self.count, -self.scales.apart)

    @property
    def rel_l2(self) -> float:
        """‖a - b‖₂ / ‖a‖₂: 0 without a difference, infinite if `a` is all zero and `b` is not."""
        if not self.squares:
            return 0.0
        ratio = sqrt(self.squares) / sqrt(self.a_squares) if self.a_squares else inf
        return power(ratio, self.scales.a - self.scales.apart)

    @property
    def snr_db(self) -> float:
        """20 · log10(‖a‖₂ / ‖a - b‖₂): a - b taken as noise in the signal a. Infinite without noise, -inf without a
        signal.
        """
        if not self.squares:
            return inf
        if not self.a_squares:
            return -inf
        return 10 * log10(self.a_squares / self.squares) + DECIBELS * (self.scales.apart - self.scales.a)

    @property
    def cosine(self) -> float | None:
        """The cosine of the angle between both; None if one is all zero, and has no direction."""
        if not (self.a_squares and self.b_squares):
            return None
        return max(-1.0, min(1.0, self.products / (sqrt(self.a_squares) * sqrt(self.b_squares))))
