"""Pooling: the largest element of a window, or the mean of its elements; cells in the padding do not count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from models.explaining.arithmetic.layer_call import LayerCall, explains, text
from models.explaining.arithmetic.steps import Outside, Step, weighted
from models.explaining.arithmetic.windows import arranged, cells_seen
from models.explaining.sliding import parts
from models.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    Pooling,
)
from models.layers.pooling_global import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
    AdaptivePooling,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    GlobalPooling,
)
from models.tensors.dtypes import Array


@explains(MaxPooling1D, MaxPooling2D, MaxPooling3D)
def largest_in_window(call: LayerCall[Pooling]) -> Iterator[Step]:
    """The largest element of the window."""
    axes, outside = _window(call)
    yield largest(call, axes, outside)


@explains(AveragePooling1D, AveragePooling2D, AveragePooling3D)
def mean_of_window(call: LayerCall[Pooling]) -> Iterator[Step]:
    """The mean of the elements of the window."""
    axes, outside = _window(call)
    yield mean(call, axes, outside)


@explains(AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D)
def largest_in_part(call: LayerCall[AdaptivePooling]) -> Iterator[Step]:
    """The largest element of one of `output_size` parts."""
    yield largest(call, _part(call))


@explains(AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D)
def mean_of_part(call: LayerCall[AdaptivePooling]) -> Iterator[Step]:
    """The mean of one of `output_size` parts."""
    yield mean(call, _part(call))


@explains(GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D)
def largest_of_all(call: LayerCall[GlobalPooling]) -> Iterator[Step]:
    """The largest element of the channel."""
    yield largest(call, everywhere(call))


@explains(GlobalAveragePooling2D, GlobalAveragePooling3D)
def mean_of_all(call: LayerCall[GlobalPooling]) -> Iterator[Step]:
    """The mean of the channel."""
    yield mean(call, everywhere(call))


def largest(call: LayerCall[Any], axes: Sequence[Array], outside: Outside | None = None) -> Step:
    """Return the step of the largest element at these positions, the first of equal ones: it has weight 1, others 0."""
    values = call.take(0, axes)
    weights = np.zeros(values.shape)
    weights.flat[np.argmax(values)] = 1
    terms = weighted(call.reads[0], axes, values, weights)
    return call.last_step(f"max({text(call.reads[0], axes)})", terms, outside=outside)


def mean(call: LayerCall[Any], axes: Sequence[Array], outside: Outside | None = None) -> Step:
    """Return the step of the mean of the elements at these positions."""
    values = call.take(0, axes)
    terms = weighted(call.reads[0], axes, values, 1 / values.size)
    return call.last_step(f"sum({text(call.reads[0], axes)}) / {values.size}", terms, outside=outside)


def everywhere(call: LayerCall[GlobalPooling]) -> tuple[Array, ...]:
    """Return all positions of the channel of the element."""
    layer, shape, index = call.layer, call.inputs[0].shape, call.index
    channel = index[layer.channel_axis()] if layer.keepdims else index[-1]
    spatial = [np.arange(shape[axis]) for axis in layer.spatial_axes()]
    return arranged(layer, np.array(index[:1]), spatial, np.array([channel]))


def _window(call: LayerCall[Pooling]) -> tuple[tuple[Array, ...], Outside | None]:
    layer, index = call.layer, call.index
    cells = cells_seen(layer, call.inputs[0].shape, index)
    axes = arranged(layer, np.array(index[:1]), cells.inputs, np.array([index[layer.channel_axis()]]))
    return axes, cells.outside


def _part(call: LayerCall[AdaptivePooling]) -> tuple[Array, ...]:
    layer, shape, index = call.layer, call.inputs[0].shape, call.index
    spatial = []
    for axis, size in zip(layer.spatial_axes(), layer.output_size, strict=True):
        (first,), (end,) = parts(shape[axis], size, np.array([index[axis]]))
        spatial.append(np.arange(first, end))
    return arranged(layer, np.array(index[:1]), spatial, np.array([index[layer.channel_axis()]]))
