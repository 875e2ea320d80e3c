"""The view `histogram`: the distribution of a tensor's values, `64` bins, or `64,-2,2` with an explicit range."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

from models.errors import InvalidOption, shown
from models.tensors.dtypes import Array, kind_of
from models.views.tensor_type import MAX_TEXT, TensorType

MAX_BINS = 4096
"""Most bins of one histogram."""
CHUNK = 1 << 20
"""Elements counted at a time, in double precision."""
EXPECTED = f"bins, or bins,low,high: 1 to {MAX_BINS} bins and two finite numbers"
LARGE = 1e300
"""Larger ranges are scaled by 1/4 for counting: their width would overflow."""


class Histogram(msgspec.Struct, frozen=True):
    """Histogram with bins of equal width, as in NumPy: each includes its lower edge, and the last both.

    The default range is that of the finite values; around a single value a half to each side, and 0 to 1 without any.
    Values outside, infinities included, are counted as below and above.
    """

    bins: int
    range: tuple[float, float] | None
    pointer: str

    @property
    def text(self) -> str:
        """The option as a client writes it."""
        return ",".join(str(number) for number in (self.bins, *(self.range or ())))

    def result_types(self) -> tuple[TensorType, TensorType, TensorType]:
        """Return the types of the counts (int64), the edges (float64) and the numbers below, above and NaN (int64)."""
        return (
            TensorType((self.bins,), "int64", "?"),
            TensorType((self.bins + 1,), "float64", "?"),
            TensorType((3,), "int64", "?"),
        )

    def apply(self, array: Array) -> tuple[Array, Array, Array]:
        """Count into (counts, edges, [below, above, nan]). The counts and these three add up to the tensor's size."""
        low, high = self.range or _own_range(array)
        scale = 0.25 if max(abs(low), abs(high)) > LARGE else 1.0
        low, high = _widened(low * scale, high * scale, self.bins)
        counts, outside = np.zeros(self.bins, np.int64), np.zeros(3, np.int64)
        for chunk in _chunks(array):
            wide = chunk.astype(np.float64) * scale
            counts += np.histogram(wide, self.bins, (low, high))[0]
            outside += [np.count_nonzero(wide < low), np.count_nonzero(wide > high), np.count_nonzero(np.isnan(wide))]
        return counts, edges(low, high, self.bins) / scale, outside


def edges(low: float, high: float, bins: int) -> Array:
    """Return the bins + 1 edges, as in NumPy's histogram."""
    return np.linspace(low, high, bins + 1)


def _chunks(array: Array) -> list[Array]:
    """Split the elements into chunks, views where they are contiguous."""
    flat = array.reshape(-1)
    return [flat[start : start + CHUNK] for start in range(0, flat.size, CHUNK)]


def _own_range(array: Array) -> tuple[float, float]:
    """Return the range of the finite values."""
    floating = kind_of(array.dtype) == "float"
    bounds = []
    for chunk in _chunks(array):
        finite = chunk[np.isfinite(chunk)] if floating else chunk
        bounds += [float(finite.min()), float(finite.max())] if finite.size else []
    return (min(bounds), max(bounds)) if bounds else (0.0, 1.0)


def _widened(low: float, high: float, bins: int) -> tuple[float, float]:
    """Widen a range until every bin has a positive width."""
    if _has_positive_widths(low, high, bins):
        return low, high
    margin = max(0.5, abs(low) * 2**-20)
    return low - margin, high + margin


def _has_positive_widths(low: float, high: float, bins: int) -> bool:
    return bool((np.diff(edges(low, high, bins)) > 0).all())


def parse_histogram(value: Any, pointer: str) -> Histogram:
    """Parse a histogram from an integer or a text.

    Raises:
        InvalidOption: the bins or the range are not valid.
    """
    words = _words(value)
    if len(words) not in (1, 3) or not words[0].isascii() or not words[0].isdigit():
        raise InvalidOption.at(pointer, "this is not a histogram", EXPECTED, shown(value), 'write "64" or "64,-2,2"')
    bins = int(words[0]) if len(words[0]) <= 6 else MAX_BINS + 1
    if not 1 <= bins <= MAX_BINS:
        raise InvalidOption.at(
            pointer, "the histogram has too many or too few bins", f"1 to {MAX_BINS} bins", shown(value)
        )
    if len(words) == 1:
        return Histogram(bins, None, pointer)
    low, high = (_number(word, value, pointer) for word in words[1:])
    if not low < high or not _has_positive_widths(low / 4, high / 4, bins):
        raise InvalidOption.at(pointer, "the range is too narrow for its bins", "a low below the high", shown(value))
    return Histogram(bins, (low, high), pointer)


def _words(value: Any) -> list[str]:
    if type(value) is int and abs(value) < 10**18:
        return [str(value)]
    return [word.strip() for word in value.split(",")] if isinstance(value, str) and len(value) <= MAX_TEXT else []


def _number(word: str, value: Any, pointer: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or "_" in word:
        raise InvalidOption.at(pointer, "an end of the range is not a finite number", EXPECTED, shown(value))
    return number
