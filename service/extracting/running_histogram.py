"""Histograms of channels whose range is not known beforehand, counted in one pass and merged exactly.

The bins of a channel are [i · 2ᵉ, (i + 1) · 2ᵉ) for integers i. The exponent e is the smallest with which all values
lie in at most BINS bins. Bins of a larger exponent are unions of those of a smaller one, so that a histogram that is
widened has the counts that it would have had from the start: the result does not depend on the order of the values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.tensors.dtypes import Array

BINS = 64
SMALLEST = -1074
"""The exponent of the smallest double, for channels of zeros."""
PRECISION = 40
"""Bits from the largest value down to a bin: numbers of bins are exact in doubles."""


@dataclass(frozen=True)
class RunningHistogram:
    """Counts (channels, BINS) of finite values, the exponent of each channel, and the number i of its first bin."""

    counts: Array
    exponents: Array
    starts: Array

    @classmethod
    def of(cls, values: Array) -> RunningHistogram:
        """Count values (n, channels) in float64; those that are not finite are left out."""
        finite = np.isfinite(values)
        low = np.where(finite, values, np.inf).min(0)
        high = np.where(finite, values, -np.inf).max(0)
        empty = ~finite.any(0)
        low[empty] = high[empty] = 0.0
        exponents = _exponents(low, high)
        starts = _bins(low, exponents)
        channels = np.arange(values.shape[1])
        places = _bins(np.where(finite, values, low), exponents) - starts + BINS * channels
        counts = np.bincount(places[finite], minlength=BINS * len(channels))
        return cls(counts.reshape(-1, BINS), exponents, starts)

    def merge(self, other: RunningHistogram) -> RunningHistogram:
        """Return the histogram of both."""
        exponents = np.maximum(self.exponents, other.exponents)
        while True:
            spans = [part.span(exponents) for part in (self, other)]
            starts = np.minimum(spans[0][0], spans[1][0])
            too_wide = np.maximum(spans[0][1], spans[1][1]) - starts >= BINS
            if not too_wide.any():
                break
            exponents = exponents + too_wide
        counts = self.placed(exponents, starts) + other.placed(exponents, starts)
        return RunningHistogram(counts, exponents, starts)

    def span(self, exponents: Array) -> tuple[Array, Array]:
        """Return the first and the last bin with a value at larger exponents; bins that are past each other where there
        is none.
        """
        used = self.counts > 0
        first = self.starts + used.argmax(1)
        last = self.starts + BINS - 1 - used[:, ::-1].argmax(1)
        shift, empty, far = exponents - self.exponents, ~used.any(1), np.int64(2**62)
        return np.where(empty, far, _shifted(first, shift)), np.where(empty, -far, _shifted(last, shift))

    def placed(self, exponents: Array, starts: Array) -> Array:
        """Return the counts in bins of larger exponents from `starts` on."""
        shift = (exponents - self.exponents)[:, np.newaxis]
        places = _shifted(self.starts[:, np.newaxis] + np.arange(BINS), shift) - starts[:, np.newaxis]
        channels = BINS * np.arange(len(self.counts))[:, np.newaxis]
        used = self.counts > 0
        placed = np.bincount((places + channels)[used], self.counts[used], BINS * len(self.counts))
        return placed.astype(np.int64).reshape(-1, BINS)


def _shifted(bins: Array, shift: Array) -> Array:
    """Return the bins that contain these at an exponent larger by `shift`."""
    return np.right_shift(bins, np.minimum(shift, 62))


def _bins(values: Array, exponents: Array) -> Array:
    """Return the numbers of the bins of values (…, channels)."""
    return np.floor(np.ldexp(values, -exponents)).astype(np.int64)


def _exponents(low: Array, high: Array) -> Array:
    """Return the smallest exponent for each range."""
    largest = np.maximum(np.abs(low), np.abs(high))
    exponents = np.frexp(largest)[1].astype(np.int64) - PRECISION
    exponents[largest == 0] = SMALLEST
    while (too_wide := _bins(high, exponents) - _bins(low, exponents) >= BINS).any():
        exponents = exponents + too_wide
    return exponents
