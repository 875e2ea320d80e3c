"""Convolutions: a window of the input times a kernel, and the bias."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.explaining.arithmetic.biased import BiasedSum
from models.explaining.arithmetic.layer_call import LayerCall, explains, text
from models.explaining.arithmetic.steps import Step, weighted
from models.explaining.arithmetic.windows import arranged, as_input, cells_seen
from models.layers.convolution import Conv1D, Conv2D, Conv3D, KernelConvolution
from models.layers.convolution_depthwise import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    DepthwiseConvolution,
    SeparableConv1D,
    SeparableConv2D,
    SeparableConvolution,
)
from models.tensors.dtypes import Array


@explains(Conv1D, Conv2D, Conv3D)
def convolution(call: LayerCall[KernelConvolution]) -> Iterator[Step]:
    """Σ input · kernel + bias over the window and the channels of the filter's group."""
    layer, x, index = call.layer, call.inputs[0], call.index
    cells, number = cells_seen(layer, x.shape, index), index[layer.channel_axis()]
    size = x.shape[layer.channel_axis()] // layer.groups
    group = number // (layer.filters // layer.groups)
    axes = arranged(layer, np.array(index[:1]), cells.inputs, np.arange(size) + group * size)
    kernel_axes = (*cells.window, np.arange(size), np.array([number]))
    kernel = as_input(layer, call.weight("kernel", kernel_axes)[..., 0])
    terms = weighted(call.reads[0], axes, call.take(0, axes), kernel)
    formula = f"sum({text(call.reads[0], axes)} * {text('kernel', kernel_axes)})"
    yield BiasedSum(call, formula, number).last(terms, cells.outside)


@explains(DepthwiseConv1D, DepthwiseConv2D)
def depthwise(call: LayerCall[DepthwiseConvolution]) -> Iterator[Step]:
    """Σ input · kernel + bias over the window, in the one channel that the element comes from."""
    layer, index = call.layer, call.index
    cells, number = cells_seen(layer, call.inputs[0].shape, index), index[layer.channel_axis()]
    channel, multiple = divmod(number, layer.depth_multiplier)
    axes = arranged(layer, np.array(index[:1]), cells.inputs, np.array([channel]))
    kernel_axes = (*cells.window, np.array([channel]), np.array([multiple]))
    kernel = as_input(layer, call.weight("kernel", kernel_axes)[..., 0])
    terms = weighted(call.reads[0], axes, call.take(0, axes), kernel)
    formula = f"sum({text(call.reads[0], axes)} * {text('kernel', kernel_axes)})"
    yield BiasedSum(call, formula, number).last(terms, cells.outside)


@explains(SeparableConv1D, SeparableConv2D)
def separable(call: LayerCall[SeparableConvolution]) -> Iterator[Step]:
    """The window times the products of both kernels; then the same by channel of the depthwise result."""
    layer, x, index = call.layer, call.inputs[0], call.index
    cells, number = cells_seen(layer, x.shape, index), index[layer.channel_axis()]
    channels = np.arange(x.shape[layer.channel_axis()])
    axes = arranged(layer, np.array(index[:1]), cells.inputs, channels)
    kernel = call.weight("depthwise_kernel", (*cells.window, channels, np.arange(layer.depth_multiplier)))
    values, mixing = call.take(0, axes), _pointwise(call, number)
    by_channel = _by_channel(call, _depthwise(layer, values, kernel), mixing, number)
    both = as_input(layer, (kernel * mixing.reshape(kernel.shape[-2:])).sum(-1))
    formula = (
        f"sum({text(call.reads[0], axes)} * depthwise_kernel[..., m] * pointwise_kernel[..., c * M + m, {number}])"
    )
    terms = weighted(call.reads[0], axes, values, both)
    yield BiasedSum(call, formula, number).between(terms, by_channel, cells.outside)
    yield by_channel


def _pointwise(call: LayerCall[SeparableConvolution], number: int) -> Array:
    """Return the weight of each depthwise channel in a filter."""
    kernel = call.weights["pointwise_kernel"]
    axes = (*(np.zeros(1, int) for _ in kernel.shape[:-2]), np.arange(kernel.shape[-2]), np.array([number]))
    return call.weight("pointwise_kernel", axes).ravel()


def _depthwise(layer: SeparableConvolution, values: Array, kernel: Array) -> Array:
    """Return the depthwise result: one number for each channel and multiple."""
    multiples = range(layer.depth_multiplier)
    products = np.stack([values * as_input(layer, kernel[..., multiple]) for multiple in multiples], -1)
    return np.asarray(products.sum((0, *layer.spatial_axes())).ravel())


def _by_channel(call: LayerCall[SeparableConvolution], values: Array, mixing: Array, number: int) -> Step:
    layer, index = call.layer, call.index
    spatial = [np.array([index[axis]]) for axis in layer.spatial_axes()]
    axes = arranged(layer, np.array(index[:1]), spatial, np.arange(len(values)))
    shape = [len(axis) for axis in axes]
    terms = weighted("depthwise", axes, values.reshape(shape), mixing.reshape(shape))
    formula = f"sum({text('depthwise', axes)} * pointwise_kernel[..., :, {number}])"
    return BiasedSum(call, formula, number).last(terms)
