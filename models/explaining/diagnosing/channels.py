"""Figures of each channel of a tensor over all items and positions, computed in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.tensors.dtypes import Array

PIECE = 1 << 16
"""Numbers per step: no copy in double precision is as large as the tensor."""


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """Figures by channel, in double precision; NaN where a channel has a value that is not finite."""

    count: int
    """Values of one channel."""
    low: Array
    high: Array
    mean: Array
    std: Array
    """The population's."""

    @property
    def constant(self) -> Array:
        """Which channels have one value for all items and positions."""
        return np.asarray(self.low == self.high)


def rows_by_channel(array: Array, axis: int) -> Iterator[Array]:
    """Yield the values as rows of one value for each channel, in double precision and in pieces. A tensor of the batch
    alone has one channel.
    """
    moved = array[:, None] if array.ndim < 2 else np.moveaxis(array, axis, -1)
    for block in _blocks(moved):
        yield block.reshape(-1, moved.shape[-1]).astype(np.float64)


def _blocks(array: Array) -> Iterator[Array]:
    """Yield parts of at most PIECE elements, or single rows along the last axis."""
    if array.size <= PIECE or array.ndim < 2:
        yield array
        return
    rows = PIECE * len(array) // array.size
    for start in range(0, len(array), max(rows, 1)):
        if rows:
            yield array[start : start + rows]
        else:
            yield from _blocks(array[start])


def channel_figures(array: Array, axis: int) -> ChannelFigures:
    """Return the figures of each channel.

    Source of the merged deviations: Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing
    Sample Variances" (1979).
    """
    count, low, high = 0, np.array(np.inf), np.array(-np.inf)
    mean, squares = np.array(0.0), np.array(0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        for rows in rows_by_channel(array, axis):
            low, high = np.minimum(low, rows.min(0)), np.maximum(high, rows.max(0))
            own, total = rows.mean(0), count + len(rows)
            delta = own - mean
            squares = squares + ((rows - own) ** 2).sum(0) + delta**2 * (count * len(rows) / total)
            mean = mean + delta * (len(rows) / total)
            count = total
    return ChannelFigures(count, low, high, mean, np.sqrt(squares / count))


def rms(array: Array) -> float:
    """Return the root mean square of all values."""
    squares = sum(float((rows**2).sum()) for rows in rows_by_channel(array, -1))
    return float(np.sqrt(squares / array.size))
