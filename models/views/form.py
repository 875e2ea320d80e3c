"""What is known of a tensor before it exists: shape, dtype, and what its axes are called."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from models.errors import InvalidOption, Problem
from models.tensors.dtypes import DTYPES

Shape = tuple[int | None, ...]
"""None is a dimension that is still free."""
AXES = {0: "", 1: "n", 2: "nc", 3: "ntc", 4: "nhwc", 5: "ndhwc"}
"""The axes' names by rank, with the channels last: batch, depth, height, width, time, channels."""
NAMELESS = "?"
MAX_TEXT = 256
"""Characters of one view; the longest that makes sense has eight axes."""


@dataclass(frozen=True, slots=True)
class Form:
    """A tensor without its values."""

    shape: Shape
    dtype: str
    axes: str
    """One letter an axis."""

    @property
    def nbytes(self) -> int | None:
        """Bytes; None while a dimension is free."""
        known = [length for length in self.shape if length is not None]
        return prod(known) * DTYPES[self.dtype].itemsize if len(known) == len(self.shape) else None


def form_of(shape: Shape, dtype: str) -> Form:
    """A layer's output, whose axes are named by their number; those of more than five have no names."""
    return Form(shape, dtype, AXES.get(len(shape), NAMELESS * len(shape)))


def refused(
    pointer: str, message: str, expected: str, received: str | None = None, suggestion: str | None = None
) -> InvalidOption:
    """The error for a view that is not one, or that a tensor cannot be given."""
    return InvalidOption("", [Problem(pointer, message, expected, received, suggestion)])
