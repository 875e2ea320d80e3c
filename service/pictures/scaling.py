"""From values to numbers between 0 and 255, by a range that is said."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.errors import InvalidOption, Problem, shown
from models.tensors.dtypes import Array

NAMED = ("map", "layer", "symmetric")
EXPECTED = f"{', '.join(NAMED)}, or low,high"
SMALLEST = sys.float_info.min
"""Half the width of the narrowest range: below it doubles lose their digits, and at last are 0."""


@dataclass(frozen=True)
class Range:
    """How values become colours: by each map's or the whole layer's own range, by one around zero, or by this one."""

    name: str
    ends: tuple[float, float] | None = None

    @property
    def text(self) -> str:
        """As it is written."""
        return self.name if self.ends is None else f"{self.ends[0]:g},{self.ends[1]:g}"


@dataclass(frozen=True)
class Scaled:
    """Numbers from 0 to 255 in the values' shape, where there were no finite ones, and the figures of the picture."""

    codes: Array
    bad: Array
    low: float | None
    """What the first colour stands for; with `map` the least of all maps. None without finite values."""
    high: float | None
    clipped: int
    """Finite values outside a given range, which have the colour of its end."""


def scaled(maps: Array, range: Range) -> Scaled:
    """Maps (…, height, width) by a range."""
    values = maps.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        return Scaled(np.zeros(values.shape, np.uint8), ~finite, None, None, 0)
    axes = (-2, -1) if range.name == "map" else None
    low, high = _ends(values, finite, range, axes)
    values[~finite] = 0
    values /= 2  # the whole range may overflow, its half does not
    values -= low / 2
    parts = np.full(values.shape, 0.5 if range.name == "symmetric" else 0.0)  # of a constant: the middle is zero's
    span = high / 2 - low / 2
    with np.errstate(over="ignore"):  # far beyond a narrow range: infinite, then cut to its end
        np.divide(values, span, out=parts, where=span > 0)
    clipped = int(np.count_nonzero(finite & ((parts < 0) | (parts > 1)))) if range.ends else 0
    np.clip(parts, 0, 1, out=parts)
    parts *= 255
    return Scaled(np.rint(parts).astype(np.uint8), ~finite, float(np.min(low)), float(np.max(high)), clipped)


def _ends(values: Array, finite: Array, range: Range, axes: tuple[int, int] | None) -> tuple[Any, Any]:
    """Low and high; with `axes` one of each for every map, 0 and 0 for a map without finite values."""
    if range.ends is not None:
        return np.float64(range.ends[0]), np.float64(range.ends[1])
    low = values.min(axes, initial=np.inf, where=finite, keepdims=True)
    high = values.max(axes, initial=-np.inf, where=finite, keepdims=True)
    if range.name == "symmetric":
        largest = np.maximum(-low, high)
        return -largest, largest
    return np.where(low > high, 0.0, low), np.where(low > high, 0.0, high)


def parse_range(text: str) -> Range:
    """The range that an option names.

    Raises:
        InvalidOption: it is none.
    """
    word = text.strip()
    if word in NAMED:
        return Range(word)
    try:
        low, high = (float(part) for part in word.split(",")) if len(word) < 100 and "_" not in word else (0.0, 0.0)
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InvalidOption("", [Problem("/normalize", "this is not a range of values", EXPECTED, shown(text))])
    if high / 2 - low / 2 < SMALLEST:
        expected = f"ends that are {2 * SMALLEST:.2g} apart, or more"
        raise InvalidOption("", [Problem("/normalize", "the range is too narrow", expected, shown(text))])
    return Range("given", (low, high))
