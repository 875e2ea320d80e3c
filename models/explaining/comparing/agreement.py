"""Agreement of two tensors on the largest unit of the last axis."""

from __future__ import annotations

import numpy as np

from models.tensors.dtypes import FLOATS, Array
from models.tensors.widening import widened
from models.views.reduction import argmax

PIECE = 1 << 16
"""Numbers per step."""


def argmax_agreement(a: Array, b: Array) -> float | None:
    """Return the share of positions along all axes but the last whose largest unit, the first of several, is the same.
    NaN ranks below everything. None if there is nothing to choose from: the last axis is the batch, or has one unit.
    """
    if a.ndim < 2 or a.shape[-1] < 2 or not a.size:
        return None
    rows_a, rows_b = (array.reshape(-1, array.shape[-1]) for array in (a, b))
    step, agreeing = max(PIECE // a.shape[-1], 1), 0
    for start in range(0, len(rows_a), step):
        first, second = (largest_units(rows[start : start + step]) for rows in (rows_a, rows_b))
        agreeing += int(np.count_nonzero(first == second))
    return agreeing / len(rows_a)


def largest_units(rows: Array) -> Array:
    """Return the index of the largest value of each row, looking at PIECE columns at a time."""
    best, largest = np.zeros(len(rows), np.int64), None
    for start in range(0, rows.shape[1], PIECE):
        block = widened(rows[:, start : start + PIECE])
        index = argmax(block, 1)
        values = np.take_along_axis(block, index[:, None], 1)[:, 0]
        if largest is None:
            best, largest = index, values
            continue
        better = values > largest
        if block.dtype in FLOATS:
            better |= np.isnan(largest) & ~np.isnan(values)
        best, largest = np.where(better, index + start, best), np.where(better, values, largest)
    return best
