"""Layers that slide a window over their input, or spread one over their output."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from models.explaining.reads.part import Part, every, found
from models.explaining.reads.rule import Reading, reads_of
from models.explaining.sliding import backward_windows, parts, reaching, seen
from models.layers.convolution import KernelConvolution
from models.layers.convolution_depthwise import DepthwiseConvolution, SeparableConvolution
from models.layers.convolution_transposed import TransposedConvolution
from models.layers.image import CenterCrop
from models.layers.margins import Cropping, ZeroPadding
from models.layers.pooling import Pooling
from models.layers.pooling_global import AdaptivePooling, GlobalPooling
from models.layers.receptive_field import Window
from models.layers.spatial import SpatialAxes
from models.tensors.dtypes import Array

Seen = Callable[[Window, int, Array], Array]


@reads_of(KernelConvolution)
def convolution(reading: Reading[KernelConvolution]) -> Sequence[Part]:
    """The window, in the channels of the groups of the filters."""
    layer, shape = reading.layer, reading.shapes[0]
    groups = np.flatnonzero(_channels(reading)) // (layer.filters // layer.groups)
    channels = np.repeat(found(groups, layer.groups), shape[layer.channel_axis()] // layer.groups)
    return [_through(reading, _windows(reading), channels)]


@reads_of(DepthwiseConvolution)
def depthwise(reading: Reading[DepthwiseConvolution]) -> Sequence[Part]:
    """The window, in the channels that the elements come from."""
    channels = np.flatnonzero(_channels(reading)) // reading.layer.depth_multiplier
    return [_through(reading, _windows(reading), found(channels, _length(reading)))]


@reads_of(SeparableConvolution)
def separable(reading: Reading[SeparableConvolution]) -> Sequence[Part]:
    """The window, in all channels."""
    return [_through(reading, _windows(reading), every(_length(reading)))]


@reads_of(TransposedConvolution)
def transposed(reading: Reading[TransposedConvolution]) -> Sequence[Part]:
    """The positions that reach the elements, in all channels."""
    layer, axes = reading.layer, reading.layer.spatial_axes()
    lengths = (tuple(shape[axis] for axis in axes) for shape in (reading.shapes[0], reading.output))
    return [_through(reading, backward_windows(layer, *lengths), every(_length(reading)), reaching)]


@reads_of(Pooling, Cropping, ZeroPadding, CenterCrop)
def by_channel(reading: Reading[SpatialAxes]) -> Sequence[Part]:
    """The window, in the same channels."""
    return [_through(reading, _windows(reading), _channels(reading))]


@reads_of(AdaptivePooling)
def adaptive(reading: Reading[AdaptivePooling]) -> Sequence[Part]:
    """The parts that are pooled, in the same channels."""
    axes = list(reading.part.axes)
    for axis, size in zip(reading.layer.spatial_axes(), reading.layer.output_size, strict=True):
        length, chosen = reading.shapes[0][axis], np.flatnonzero(axes[axis])
        starts, ends = parts(length, size, chosen)
        places = np.arange(length)
        inside = (places >= starts[:, np.newaxis]) & (places < ends[:, np.newaxis])
        axes[axis] = np.asarray(inside.any(0))
    return [reading.part.at(axes)]


@reads_of(GlobalPooling)
def everywhere(reading: Reading[GlobalPooling]) -> Sequence[Part]:
    """All positions, in the same channels."""
    layer, shape = reading.layer, reading.shapes[0]
    axes = [every(length) for length in shape]
    axes[0] = reading.part.axes[0]
    axes[layer.channel_axis()] = reading.part.axes[layer.channel_axis() if layer.keepdims else -1]
    return [reading.part.at(axes)]


def _windows(reading: Reading[SpatialAxes]) -> Sequence[Window]:
    windows = reading.layer.windows(reading.shapes[0])
    assert windows is not None  # noqa: S101 - these layers have a window each
    return windows


def _channels(reading: Reading[SpatialAxes]) -> Array:
    return reading.part.axes[reading.layer.channel_axis()]


def _length(reading: Reading[SpatialAxes]) -> int:
    return reading.shapes[0][reading.layer.channel_axis()]


def _through(reading: Reading[SpatialAxes], windows: Sequence[Window], channels: Array, seen: Seen = seen) -> Part:
    """Return the part of the input that is seen through windows along the spatial axes."""
    axes, everywhere = list(reading.part.axes), True
    for window, axis in zip(windows, reading.layer.spatial_axes(), strict=True):
        positions = seen(window, reading.shapes[0][axis], np.flatnonzero(axes[axis]))
        everywhere = everywhere and bool((positions >= 0).any(1).all())
        axes[axis] = found(positions, reading.shapes[0][axis])
    axes[reading.layer.channel_axis()] = channels
    return reading.part.at(axes, everywhere=everywhere)
