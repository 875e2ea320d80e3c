"""Ranges of numbers, as the image layers take them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from models.layers.layer import fault


def _two_values(values: tuple[float, float]) -> tuple[float, float]:
    if values[0] == values[1]:
        raise fault("value_range", "both ends of the range are the same", "two different numbers", "write [0, 255] or [0, 1]")
    return values


ValueRange = Annotated[tuple[float, float], Field(strict=False), AfterValidator(_two_values)]
"""The lowest and the highest value of an image."""
BYTES = (0.0, 255.0)
"""The values of an 8-bit image."""


def factor(low: float, high: float, **bounds: Any) -> Any:
    """The type of a random factor: a number from `low` to `high`, or the two ends of a range inside them."""
    one = Annotated[float, Field(**(bounds or {"ge": low}), le=high)]
    return one | Annotated[tuple[one, one], Field(strict=False)]


Signed = factor(-1, 1)
Unsigned = factor(0, 1)
