"""A part of a tensor: the elements at chosen positions along each axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.tensors.dtypes import Array

Extent = Literal["exact", "upper_bound", "whole_input"]
"""How well a box is known: it is the smallest that holds everything that is read; it holds everything that is read; a
layer in between has no rule, so that it is everything which that layer may read.
"""


@dataclass(frozen=True)
class Part:
    """`axes` has a boolean for every position along each axis. What is read lies at positions that are all true."""

    axes: tuple[Array, ...]
    is_product: bool = True
    """Whether all of these elements are read."""
    is_tight: bool = True
    """Whether at every one of these positions, along each axis, some element is read."""
    is_known: bool = True
    """Whether every layer in between has a rule."""

    @classmethod
    def of(cls, index: Sequence[int], shape: Sequence[int]) -> Part:
        """Return one element."""
        return cls(tuple(np.arange(length) == place for length, place in zip(shape, index, strict=True)))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is read."""
        return not all(axis.any() for axis in self.axes)

    @property
    def extent(self) -> Extent:
        """How well the box is known."""
        return "exact" if self.is_tight else "upper_bound" if self.is_known else "whole_input"

    @property
    def box(self) -> list[list[int]]:
        """The first position and the one past the last along each axis."""
        return [[int(places[0]), int(places[-1]) + 1] for places in map(np.flatnonzero, self.axes)]

    def joined(self, other: Part) -> Part:
        """Return the union of two parts of one tensor."""
        if self.is_product and self._covers(other):
            return self
        if other.is_product and other._covers(self):
            return other
        axes = tuple(one | two for one, two in zip(self.axes, other.axes, strict=True))
        differing = sum(not np.array_equal(one, two) for one, two in zip(self.axes, other.axes, strict=True))
        is_product = self.is_product and other.is_product and differing <= 1
        return Part(axes, is_product, self.is_tight and other.is_tight, self.is_known and other.is_known)

    def _covers(self, other: Part) -> bool:
        return all((one | ~two).all() for one, two in zip(self.axes, other.axes, strict=True))

    def at(self, axes: Sequence[Array], *, everywhere: bool = True) -> Part:
        """Return the part of another tensor that this one is computed from, axis by axis. Unless `everywhere` each
        element is computed from some, the parts along different axes may belong to no common element.
        """
        exact = self.is_product or everywhere
        return Part(tuple(axes), self.is_product, self.is_tight and exact, self.is_known)

    def loosened(self, axes: Sequence[Array], *, known: bool = True) -> Part:
        """Return a part that holds what is read, of which no more is known."""
        return Part(tuple(axes), is_product=False, is_tight=False, is_known=self.is_known and known)


def every(length: int) -> Array:
    """Return all positions along an axis."""
    return np.ones(length, bool)


def found(positions: Array, length: int) -> Array:
    """Return the positions that are found along an axis; negative ones are none."""
    axis = np.zeros(length, bool)
    axis[positions[positions >= 0]] = True
    return axis
