"""The inputs that each unit responds to most, kept while a data set passes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.tensors.dtypes import Array


@dataclass(frozen=True)
class TopInputs:
    """At most k inputs of each unit: their values in float64 (m, units), the largest first, and their numbers in the
    data set, int64 of the same shape. Of equal values the first input is first; NaN is last.
    """

    k: int
    values: Array
    indices: Array

    @classmethod
    def of(cls, k: int, responses: Array, indices: Array) -> TopInputs:
        """Return the top of the responses (inputs, units) of inputs with these ascending numbers."""
        wide = responses.astype(np.float64)
        numbers = np.broadcast_to(indices[:, np.newaxis], wide.shape)
        order = np.argsort(-wide, axis=0, kind="stable")[:k]  # NumPy sorts NaN last
        return cls(k, np.take_along_axis(wide, order, 0), np.take_along_axis(numbers, order, 0))

    def merge(self, later: TopInputs) -> TopInputs:
        """Return the top of both; the inputs of `later` come after these."""
        values = np.concatenate([self.values, later.values])
        indices = np.concatenate([self.indices, later.indices])
        order = np.argsort(-values, axis=0, kind="stable")[: self.k]
        return TopInputs(self.k, np.take_along_axis(values, order, 0), np.take_along_axis(indices, order, 0))


def responses(rows: Array) -> Array:
    """Return the response of each unit of the last axis to each input: its largest value over all other axes, NaN if
    one is. `rows` is (inputs, …, units); without an axis beside the inputs there is one unit.
    """
    if rows.ndim == 1:
        return rows[:, np.newaxis]
    return rows.max(axis=tuple(range(1, rows.ndim - 1))) if rows.ndim > 2 else rows
