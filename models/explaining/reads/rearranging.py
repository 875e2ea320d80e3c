"""Layers that rearrange or repeat elements."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from models.explaining.arithmetic.upsampling import neighbours
from models.explaining.reads.part import Part, every, found
from models.explaining.reads.rule import Reading, reads_of
from models.layers.core import EmbeddingLayer
from models.layers.einsum import EinsumDense
from models.layers.layer import Layer
from models.layers.reshaping import Flatten, Permute, RepeatVector, Reshape, UpSampling1D, UpSampling2D, UpSampling3D
from models.layers.spatial import SpatialAxes
from models.tensors.dtypes import Array

MAX_NUMBERED = 2**20
"""Most elements whose numbers are followed one by one."""


@reads_of(Reshape)
def reshape(reading: Reading[Layer]) -> Sequence[Part]:
    """The elements of the same numbers."""
    return [_renumbered(reading.part, reading.shapes[0])]


@reads_of(Flatten)
def flatten(reading: Reading[Flatten]) -> Sequence[Part]:
    """The elements of the same numbers; channels are counted last even where they come first."""
    batch, *inner = reading.shapes[0]
    if reading.layer.data_format != "channels_first" or len(inner) < 2:
        return [_renumbered(reading.part, reading.shapes[0])]
    part = _renumbered(reading.part, (batch, *inner[1:], inner[0]))
    rows, *spatial, channels = part.axes
    return [Part((rows, channels, *spatial), part.is_product, part.is_tight, part.is_known)]


@reads_of(Permute)
def permute(reading: Reading[Permute]) -> Sequence[Part]:
    """The elements with their axes exchanged."""
    axes = dict(zip(reading.layer.dims, reading.part.axes[1:], strict=True))
    return [reading.part.at([reading.part.axes[0], *(axes[n] for n in range(1, len(reading.output)))])]


@reads_of(RepeatVector)
def repeat(reading: Reading[Layer]) -> Sequence[Part]:
    """The elements of the vector."""
    rows, _, features = reading.part.axes
    return [reading.part.at([rows, features])]


@reads_of(UpSampling1D, UpSampling3D)
def repeated(reading: Reading[UpSampling1D | UpSampling3D]) -> Sequence[Part]:
    """The elements that are repeated."""
    size = reading.layer.size
    return [_nearest(reading.layer, reading.part, (size,) if isinstance(size, int) else size)]


@reads_of(UpSampling2D)
def enlarged(reading: Reading[UpSampling2D]) -> Sequence[Part]:
    """The pixels that are repeated, or between which the elements lie."""
    layer, axes = reading.layer, list(reading.part.axes)
    if layer.interpolation == "nearest":
        return [_nearest(layer, reading.part, layer.size)]
    for axis, size in zip(layer.spatial_axes(), layer.size, strict=True):
        axes[axis] = _between(axes[axis], size) if layer.interpolation == "bilinear" else every(len(axes[axis]) // size)
    return [reading.part.at(axes) if layer.interpolation == "bilinear" else reading.part.loosened(axes)]


@reads_of(EmbeddingLayer)
def lookup(reading: Reading[EmbeddingLayer]) -> Sequence[Part]:
    """The ids; vectors that are projected back are read whole."""
    rest = reading.part.axes[:-1]
    in_reverse = bool(getattr(reading.layer, "reverse", False))
    return [reading.part.at([*rest, every(reading.shapes[0][-1])] if in_reverse else rest)]


@reads_of(EinsumDense)
def einsum_dense(reading: Reading[EinsumDense]) -> Sequence[Part]:
    """The whole of the axes whose letter the output lacks."""
    equation, rank = reading.layer.parsed(), len(reading.shapes[0])
    covered = [str(n) for n in range(rank - len(equation.inputs))]
    first, last = ([], covered) if equation.ellipsis == "right" else (covered, [])
    own = dict(zip([*first, *equation.outputs, *last], reading.part.axes, strict=True))
    names = [*first, *equation.inputs, *last]
    return [reading.part.at([own.get(name, every(n)) for name, n in zip(names, reading.shapes[0], strict=True)])]


def _nearest(layer: SpatialAxes, part: Part, sizes: Sequence[int]) -> Part:
    axes = list(part.axes)
    for axis, size in zip(layer.spatial_axes(), sizes, strict=True):
        axes[axis] = np.asarray(axes[axis].reshape(-1, size).any(1))
    return part.at(axes)


def _between(axis: Array, size: int) -> Array:
    length = len(axis) // size
    pairs = (neighbours(int(place), length, size) for place in np.flatnonzero(axis))
    return found(np.concatenate([places[shares > 0] for places, shares in pairs]), length)


def _renumbered(part: Part, shape: tuple[int, ...]) -> Part:
    """Return the part of a tensor of another shape that has the same elements, counted row by row."""
    if all(axis.all() for axis in part.axes[1:]):
        return part.at([part.axes[0], *(every(length) for length in shape[1:])])
    lengths, chosen = [len(axis) for axis in part.axes[1:]], [np.flatnonzero(axis) for axis in part.axes[1:]]
    if prod(map(len, chosen)) > MAX_NUMBERED:
        return part.loosened([part.axes[0], *(every(length) for length in shape[1:])])
    numbers = np.ravel_multi_index(np.ix_(*chosen), lengths).ravel()
    places = np.unravel_index(numbers, shape[1:])
    axes = [part.axes[0], *(found(own, length) for own, length in zip(places, shape[1:], strict=True))]
    is_product = part.is_product and prod(int(axis.sum()) for axis in axes[1:]) == len(numbers)
    return Part(tuple(axes), is_product, part.is_tight and part.is_product, part.is_known)
