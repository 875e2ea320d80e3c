"""What explanations ask of a network: scores of a target, and their gradients, for as many rows as they like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from models.tensors.dtypes import Array

Inputs = Mapping[str, Array]
"""Tensors by address, each with the same number of rows."""


class Gradients(NamedTuple):
    """The scores of rows, and by address the values there and the gradients of each row's score: the rows of a batch
    do not mix, so that the gradient of their sum is each one's own.
    """

    scores: Array
    values: Mapping[str, Array]
    gradients: Mapping[str, Array]


class Probe(Protocol):
    """A network on the items of a request. Rows are copies of items; `items` has the number of each row's item, whose
    target it is scored by: with an argmax, the unit that is largest for the item itself.
    """

    @property
    def inputs(self) -> Inputs:
        """The items: the network's inputs by name."""
        ...

    @property
    def items(self) -> int:
        """The number of items."""
        ...

    @property
    def to(self) -> Sequence[str]:
        """The addresses to explain by."""
        ...

    def rows_with(self, moved: Inputs, item: int) -> Inputs:
        """Return these tensors, which have a row for each copy of an item, with what else the target is computed from:
        the inputs of the item, as often.
        """
        ...

    def gradients(self, inputs: Inputs | None = None, items: np.ndarray | None = None) -> Gradients:
        """Return the gradients of the scores of these rows at each address of `to`; by default those of the items."""
        ...

    def scores(self, given: Inputs, items: np.ndarray) -> Array:
        """Return the score of each row, where the tensors that are given have these values: inputs of the network, or
        what one of its layers returns.
        """
        ...

    def values(self, addresses: Sequence[str]) -> Mapping[str, Array]:
        """Return tensors of the items."""
        ...
