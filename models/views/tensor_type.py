"""Shape, dtype and named axes of a tensor before it is computed."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from models.tensors.dtypes import DTYPES

Shape = tuple[int | None, ...]
"""None is a free dimension."""
AXES = {0: "", 1: "n", 2: "nc", 3: "ntc", 4: "nhwc", 5: "ndhwc"}
"""Names of axes by rank, channels last: n batch, d depth, h height, w width, t time, c channels."""
NAMELESS = "?"
"""The letter of an axis without a name."""
MAX_TEXT = 256
"""Characters of one view; the longest valid one has eight axes."""


@dataclass(frozen=True, slots=True)
class TensorType:
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


def type_of_output(shape: Shape, dtype: str) -> TensorType:
    """Return the type of a layer's output, its axes named by rank; more than five have no names."""
    return TensorType(shape, dtype, AXES.get(len(shape), NAMELESS * len(shape)))
