"""Shape, dtype and named axes of a tensor before it is computed."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from models.errors import InvalidOption
from models.tensors.dtypes import DTYPES

Shape = tuple[int | None, ...]
"""None is a free dimension."""
AXES = {0: "", 1: "n", 2: "nc", 3: "ntc", 4: "nhwc", 5: "ndhwc"}
"""Names of axes by rank, channels last: n batch, d depth, h height, w width, t time, c channels."""
NAMELESS = "?"
MAX_TEXT = 256
"""Characters of one view; the longest valid one has eight axes."""


@dataclass(frozen=True, slots=True)
class Form:
    """A tensor without its values."""

    shape: Shape
    dtype: str
    axes: str
    """One letter per axis."""

    @property
    def nbytes(self) -> int | None:
        """Size in bytes; None while a dimension is free."""
        known = [length for length in self.shape if length is not None]
        return prod(known) * DTYPES[self.dtype].itemsize if len(known) == len(self.shape) else None


def form_of(shape: Shape, dtype: str) -> Form:
    """The form of a layer's output, its axes named by rank; more than five have no names."""
    return Form(shape, dtype, AXES.get(len(shape), NAMELESS * len(shape)))


def refused(
    pointer: str, message: str, expected: str, received: str | None = None, suggestion: str | None = None
) -> InvalidOption:
    """The error for a view that is not valid, or does not fit a tensor."""
    return InvalidOption.at(pointer, message, expected=expected, received=received, suggestion=suggestion)
