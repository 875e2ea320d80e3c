"""Scaling of values to codes 0 to 255 by a range, which the reply reports."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.errors import InvalidOption, shown
from models.tensors.dtypes import Array

NAMED = ("map", "layer", "symmetric")
EXPECTED = f"{', '.join(NAMED)}, or low,high"
SMALLEST = sys.float_info.min
"""Half the width of the narrowest range: smaller doubles are subnormal, with reduced precision."""


@dataclass(frozen=True)
class Range:
    """Range that is mapped to colours: each map's, the whole layer's, one symmetric about zero, or explicit ends."""

    name: str
    ends: tuple[float, float] | None = None

    @property
    def text(self) -> str:
        """The range as its option is written."""
        return self.name if self.ends is None else f"{self.ends[0]:g},{self.ends[1]:g}"


@dataclass(frozen=True)
class Scaled:
    """Codes 0 to 255 in the values' shape, a mask of non-finite values (`bad`), and the range that was applied."""

    codes: Array
    bad: Array
    low: float | None
    """The value of the first colour; with `map` the lowest of all maps. None without finite values."""
    high: float | None
    clipped: int
    """Number of finite values outside an explicit range, drawn in the colour of its nearer end."""


def scale_maps(maps: Array, range: Range) -> Scaled:
    """Scale maps (…, height, width) by a range."""
    values = maps.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        return Scaled(np.zeros(values.shape, np.uint8), ~finite, None, None, 0)
    axes = (-2, -1) if range.name == "map" else None
    low, high = _ends(values, finite, range, axes)
    values[~finite] = 0
    values /= 2  # the full range may overflow, half of it does not
    values -= low / 2
    parts = np.full(values.shape, 0.5 if range.name == "symmetric" else 0.0)  # for a constant
    span = high / 2 - low / 2
    with np.errstate(over="ignore"):  # far outside a narrow range: infinite, then clipped
        np.divide(values, span, out=parts, where=span > 0)
    clipped = int(np.count_nonzero(finite & ((parts < 0) | (parts > 1)))) if range.ends else 0
    np.clip(parts, 0, 1, out=parts)
    parts *= 255
    return Scaled(np.rint(parts).astype(np.uint8), ~finite, float(np.min(low)), float(np.max(high)), clipped)


def _ends(values: Array, finite: Array, range: Range, axes: tuple[int, int] | None) -> tuple[Any, Any]:
    """Return low and high, per map if `axes` are given; 0 and 0 for a map without finite values."""
    if range.ends is not None:
        return np.float64(range.ends[0]), np.float64(range.ends[1])
    low = values.min(axes, initial=np.inf, where=finite, keepdims=True)
    high = values.max(axes, initial=-np.inf, where=finite, keepdims=True)
    if range.name == "symmetric":
        largest = np.maximum(-low, high)
        return -largest, largest
    return np.where(low > high, 0.0, low), np.where(low > high, 0.0, high)


def parse_range(text: str) -> Range:
    """Parse a range.

    Raises:
        InvalidOption: it is not a range, or too narrow.
    """
    word = text.strip()
    if word in NAMED:
        return Range(word)
    try:
        low, high = (float(part) for part in word.split(",")) if len(word) < 100 and "_" not in word else (0.0, 0.0)
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InvalidOption.at("/normalize", "this is not a range of values", expected=EXPECTED, received=shown(text))
    if high / 2 - low / 2 < SMALLEST:
        expected = f"ends that are {2 * SMALLEST:.2g} apart, or more"
        raise InvalidOption.at("/normalize", "the range is too narrow", expected=expected, received=shown(text))
    return Range("explicit", (low, high))
