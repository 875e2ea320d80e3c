"""Layers that rearrange, repeat, cut off or surround elements: which element of the input it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from models.explaining.arithmetic.layer_call import LayerCall, at, explains, text
from models.explaining.arithmetic.steps import Step, weighted
from models.layers.image import CenterCrop
from models.layers.layer import Layer
from models.layers.margins import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from models.layers.merging import Concatenate
from models.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from models.layers.spatial import SpatialAxes


@explains(Reshape)
def reshape(call: LayerCall[Layer]) -> Iterator[Step]:
    """The element of the same number, counted row by row."""
    number = np.ravel_multi_index(call.index, call.output.shape)
    yield moved(call, 0, [int(place) for place in np.unravel_index(number, call.inputs[0].shape)])


@explains(Flatten)
def flatten(call: LayerCall[Flatten]) -> Iterator[Step]:
    """The element of the same number; channels count as the last axis even where they come first."""
    lengths = call.inputs[0].shape[1:]
    first = call.layer.data_format == "channels_first" and len(lengths) > 1
    ordered = (*lengths[1:], lengths[0]) if first else lengths
    places = [int(place) for place in np.unravel_index(call.index[1], ordered)] if lengths else []
    yield moved(call, 0, [call.index[0], *([places[-1], *places[:-1]] if first else places)])


@explains(Permute)
def permute(call: LayerCall[Permute]) -> Iterator[Step]:
    """The element with its axes exchanged."""
    places = dict(zip(call.layer.dims, call.index[1:], strict=True))
    yield moved(call, 0, [call.index[0], *(places[axis] for axis in range(1, len(call.index)))])


@explains(RepeatVector)
def repeat(call: LayerCall[Layer]) -> Iterator[Step]:
    """The element of the vector, whatever the step."""
    yield moved(call, 0, [call.index[0], call.index[2]])


@explains(Concatenate)
def concatenate(call: LayerCall[Concatenate]) -> Iterator[Step]:
    """The element of the input that the position along the axis belongs to."""
    place = list(call.index)
    axis, number = call.layer.axis % len(place), 0
    while place[axis] >= call.inputs[number].shape[axis]:
        place[axis] -= call.inputs[number].shape[axis]
        number += 1
    yield moved(call, number, place)


@explains(Cropping1D, Cropping2D, Cropping3D, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D, CenterCrop)
def shift(call: LayerCall[SpatialAxes]) -> Iterator[Step]:
    """The element that many positions further; outside the input, a zero of the padding."""
    place, shape = list(call.index), call.inputs[0].shape
    for window, axis in zip(call.layer.windows(shape) or (), call.layer.spatial_axes(), strict=True):
        place[axis] -= window.before or 0
    if all(0 <= own < length for own, length in zip(place, shape, strict=True)):
        yield moved(call, 0, place)
    else:
        yield call.last_step("0: this element lies in the padding")


def moved(call: LayerCall[Any], number: int, place: Sequence[int]) -> Step:
    """Return the step of an element that is one of an input."""
    axes, name = at(*place), call.reads[number]
    return call.last_step(text(name, axes), weighted(name, axes, call.take(number, axes), 1.0))
