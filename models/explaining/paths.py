"""Straight paths from a baseline to an item, and the points on them that an integral is summed at."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.errors import InvalidOption, shown
from models.tensors.dtypes import Array

BASELINES = ("zero", "mean", "blur")
EXPECTED = "zero, mean, blur, a number, or nested numbers of the shape of an item"
BLUR = 0.05
"""Standard deviation of the blurred baseline, of the longer side of the picture."""
RADIUS = 3
"""Standard deviations that a blur reaches to each side: what lies further weighs less than 0.3 %."""


def gauss_legendre(steps: int) -> tuple[Array, Array]:
    """Return points in 0…1 and their weights, which sum to 1: exact for polynomials of degree 2 × steps - 1."""
    points, weights = np.polynomial.legendre.leggauss(steps)
    return (points + 1) / 2, weights / 2


def baseline_of(item: Array, baseline: Any, pointer: str = "/baseline") -> Array:
    """Return the baseline of an item, of its shape and dtype: `zero`, `mean` over all positions of each channel, `blur`
    of a picture, or numbers of its shape.

    Raises:
        InvalidOption: it has another shape, or the item has none that can be blurred.
    """
    if baseline == "zero":
        return np.zeros_like(item)
    if baseline == "mean":
        axes = tuple(range(item.ndim - 1)) or None
        return np.broadcast_to(item.mean(axis=axes, dtype=np.float64), item.shape).astype(item.dtype)
    if baseline == "blur":
        return _blurred(item, pointer)
    return _numbers(item, baseline, pointer)


def _numbers(item: Array, baseline: Any, pointer: str) -> Array:
    try:
        numbers = np.asarray(baseline, np.float64)
    except (TypeError, ValueError):
        raise InvalidOption.at(pointer, "this is no baseline", EXPECTED, shown(baseline)) from None
    if numbers.shape not in ((), item.shape):
        received = " × ".join(map(str, numbers.shape))
        expected = f"numbers of the shape {' × '.join(map(str, item.shape))}"
        raise InvalidOption.at(pointer, "the baseline has another shape than an item", expected, received)
    if not np.isfinite(numbers).all():
        raise InvalidOption.at(
            pointer, "the baseline has values that are no numbers", "finite numbers", "NaN or infinity"
        )
    return np.broadcast_to(numbers, item.shape).astype(item.dtype)


def _blurred(item: Array, pointer: str) -> Array:
    """Blur the two spatial axes of a picture with a Gaussian; beyond its edges the picture is mirrored."""
    if item.ndim != 3:
        advice = "use zero or mean"
        raise InvalidOption.at(pointer, "only pictures are blurred", "height, width and channels",
                               f"{item.ndim} axes", advice)  # fmt: skip
    deviation = BLUR * max(item.shape[:2])
    blurred = item.astype(np.float64)
    for axis in (0, 1):
        blurred = _blurred_axis(blurred, axis, deviation)
    return blurred.astype(item.dtype)


def _blurred_axis(array: Array, axis: int, deviation: float) -> Array:
    radius = max(1, int(RADIUS * deviation + 0.5))
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / deviation) ** 2)
    weights /= weights.sum()
    padding = [(radius, radius) if number == axis else (0, 0) for number in range(array.ndim)]
    padded, length = np.pad(array, padding, mode="symmetric"), array.shape[axis]
    shifted = (np.take(padded, range(start, start + length), axis=axis) for start in range(len(weights)))
    return np.asarray(np.sum([weight * part for weight, part in zip(weights, shifted, strict=True)], axis=0))
