"""The cells of a window for one element of the output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeVar

import numpy as np

from models.explaining.arithmetic.steps import Outside
from models.explaining.sliding import NONE, backward_windows, reaching, seen
from models.layers.convolution_transposed import TransposedConvolution
from models.layers.spatial import SpatialAxes
from models.tensors.dtypes import Array

T = TypeVar("T")


@dataclass(frozen=True)
class Cells:
    """The cells that meet the input: along each spatial axis, their positions in the window and in the input."""

    window: tuple[Array, ...]
    inputs: tuple[Array, ...]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, found: Iterable[Array]) -> Cells:
        """Return the cells of a window, from the position in the input, if any, of each along each axis."""
        axes = list(found)
        window = tuple(np.nonzero(positions != NONE)[0] for positions in axes)
        inputs = tuple(positions[cells] for positions, cells in zip(axes, window, strict=True))
        return cls(window, inputs, tuple(map(len, axes)))

    @property
    def inside(self) -> int:
        """The number of these cells."""
        return prod(map(len, self.inputs))

    @property
    def outside(self) -> Outside | None:
        """The other cells; None if there are none."""
        total = prod(self.sizes)
        if self.inside == total:
            return None
        pairs = zip(self.sizes, self.window, strict=True)
        missing = (tuple(sorted(set(range(size)) - set(cells.tolist()))) for size, cells in pairs)
        return Outside(tuple(missing), total - self.inside, total)


def cells_seen(layer: SpatialAxes, shape: Sequence[int], index: Sequence[int]) -> Cells:
    """Return the cells of the window through which an element of the output sees an input of this shape."""
    windows = layer.windows(tuple(shape))
    assert windows is not None  # noqa: S101 - callers pass layers that slide a window
    pairs = zip(windows, layer.spatial_axes(), strict=True)
    return Cells.of(seen(window, shape[axis], np.array([index[axis]]))[0] for window, axis in pairs)


def cells_reaching(
    layer: TransposedConvolution, shape: Sequence[int], output: Sequence[int], index: Sequence[int]
) -> Cells:
    """Return the cells of the kernel through which an input of this shape reaches an element of the output."""
    axes = layer.spatial_axes()
    windows = backward_windows(layer, tuple(shape[axis] for axis in axes), tuple(output[axis] for axis in axes))
    pairs = zip(windows, axes, strict=True)
    return Cells.of(reaching(window, shape[axis], np.array([index[axis]]))[0] for window, axis in pairs)


def arranged(layer: SpatialAxes, batch: T, spatial: Sequence[T], channels: T) -> tuple[T, ...]:
    """Return what belongs to each axis in the order of the axes: channels may come first."""
    return (batch, channels, *spatial) if layer.channels_first() else (batch, *spatial, channels)


def as_input(layer: SpatialAxes, kernel: Array) -> Array:
    """Return a part of a kernel, (*window, channels), in the order of the axes of the input, the batch included."""
    return (np.moveaxis(kernel, -1, 0) if layer.channels_first() else kernel)[np.newaxis]
