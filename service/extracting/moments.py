"""Running count, mean, variance and extremes of each channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.tensors.dtypes import Array


@dataclass(frozen=True)
class Moments:
    """Figures of the finite values of each channel, arrays (channels,): their number, mean, sum of squared deviations
    from it, minimum and maximum (NaN where there are none); and how many others are NaN or infinite.
    """

    count: Array
    mean: Array
    squares: Array
    minimum: Array
    maximum: Array
    nan: Array
    infinite: Array

    @classmethod
    def of(cls, values: Array) -> Moments:
        """Return those of values (n, channels) in float64."""
        finite = np.isfinite(values)
        nan, count = np.isnan(values).sum(0), finite.sum(0)
        if finite.all():
            low, high, mean = values.min(0), values.max(0), values.mean(0)
            return cls(count, mean, np.square(values - mean).sum(0), low, high, nan, nan)
        kept, some = np.where(finite, values, 0.0), np.maximum(count, 1)
        mean = kept.sum(0) / some
        squares = np.where(finite, np.square(kept - mean), 0.0).sum(0)
        low, high = np.where(finite, values, np.inf).min(0), np.where(finite, values, -np.inf).max(0)
        empty = count == 0
        low[empty] = high[empty] = np.nan
        return cls(count, mean, squares, low, high, nan, len(values) - count - nan)

    def merge(self, other: Moments) -> Moments:
        """Return those of both (Chan, Golub and LeVeque, 1979: Updating formulae and a pairwise algorithm for computing
        sample variances, equations 2.1).
        """
        count = self.count + other.count
        some, delta = np.maximum(count, 1), other.mean - self.mean
        mean = self.mean + delta * (other.count / some)
        squares = self.squares + other.squares + np.square(delta) * (self.count * (other.count / some))
        return Moments(
            count, np.where(self.count == 0, other.mean, mean), squares,
            np.fmin(self.minimum, other.minimum), np.fmax(self.maximum, other.maximum),
            self.nan + other.nan, self.infinite + other.infinite,
        )  # fmt: skip

    @property
    def variance(self) -> Array:
        """The variance of each channel (NumPy's, `ddof=0`); NaN without a finite value."""
        return np.where(self.count == 0, np.nan, self.squares / np.maximum(self.count, 1))
