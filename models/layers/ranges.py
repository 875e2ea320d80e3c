"""Numeric ranges in the form that image layers accept."""

from typing import Annotated

from pydantic import AfterValidator, Field

from models.layers.faults import fault


def _check_distinct(values: tuple[float, float]) -> tuple[float, float]:
    if values[0] == values[1]:
        raise fault(
            "value_range", "both ends of the range are the same", "two different numbers", "write [0, 255] or [0, 1]"
        )
    return values


ValueRange = Annotated[tuple[float, float], Field(strict=False), AfterValidator(_check_distinct)]
"""The lowest and the highest value of an image."""
BYTES = (0.0, 255.0)
"""The values of an 8-bit image."""


SignedNumber = Annotated[float, Field(ge=-1, le=1)]
Signed = SignedNumber | Annotated[tuple[SignedNumber, SignedNumber], Field(strict=False)]
"""A random factor from -1 to 1: a number, or the two ends of a range."""
UnsignedNumber = Annotated[float, Field(ge=0, le=1)]
Unsigned = UnsignedNumber | Annotated[tuple[UnsignedNumber, UnsignedNumber], Field(strict=False)]
"""A random factor from 0 to 1: a number, or the two ends of a range."""
ZoomNumber = Annotated[float, Field(gt=-1, le=1)]
Zoom = ZoomNumber | Annotated[tuple[ZoomNumber, ZoomNumber], Field(strict=False)]
"""A random zoom: at -1 an image would vanish."""
