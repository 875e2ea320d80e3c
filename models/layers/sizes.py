"""Shapes, and the numbers of elements that follow from them."""

from collections.abc import Sequence
from math import prod

Shape = tuple[int | None, ...]
"""A tensor's shape, the batch first (for operations: where its `BatchAxis` says); None is a free dimension."""


def size_of(shape: Shape) -> int | None:
    """Return the number of elements; None if a dimension is free."""
    total = 1
    for dimension in shape:
        if dimension is None:
            return None
        total *= dimension
    return total


def least_size(shape: Shape) -> int:
    """Return the number of elements with every free dimension counted as one."""
    return prod(1 if dimension is None else dimension for dimension in shape)


def sizes_of(shapes: Sequence[Shape]) -> int:
    """Return the elements of several tensors, with free dimensions counted as one."""
    return sum(map(least_size, shapes))
