"""Kernels as matrices: one column for each filter or unit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.explaining.diagnosing.layer_run import LayerRun
from models.layers.convolution import KernelConvolution
from models.layers.convolution_depthwise import DepthwiseConvolution, SeparableConvolution
from models.layers.convolution_transposed import TransposedConvolution
from models.layers.core import Dense
from models.tensors.dtypes import Array

MIXING = (Dense, KernelConvolution, TransposedConvolution, SeparableConvolution)
"""Layers each of whose units reads every channel, or every one of its group."""
KERNELS = (*MIXING, DepthwiseConvolution)
"""Layers with a kernel of known axes."""


class Filters(NamedTuple):
    """The kernel `name` of a layer as a matrix, a filter a column. Only filters of one group read the same channels."""

    name: str
    columns: Array
    groups: int = 1


def filters_of(run: LayerRun) -> Filters | None:
    """Return the filters that make a layer's outputs; None without a kernel of known axes."""
    layer = run.kind
    if isinstance(layer, SeparableConvolution):
        return _columns(run, "pointwise_kernel")
    if isinstance(layer, TransposedConvolution):
        return _columns(run, "kernel", filter_axis=-2)
    if isinstance(layer, KernelConvolution):
        return _columns(run, "kernel", groups=layer.groups)
    return _columns(run, "kernel") if isinstance(layer, Dense) else None


def depthwise_filters_of(run: LayerRun) -> Filters | None:
    """Return the filters of a depthwise convolution, or of the first half of a separable one, each of one channel."""
    if not isinstance(run.kind, DepthwiseConvolution):
        return None
    name = "depthwise_kernel" if isinstance(run.kind, SeparableConvolution) else "kernel"
    kernel = run.weight(name)
    return None if kernel is None else Filters(name, kernel.reshape(-1, kernel.shape[-2] * kernel.shape[-1]))


def _columns(run: LayerRun, name: str, filter_axis: int = -1, groups: int = 1) -> Filters | None:
    kernel = run.weight(name)
    if kernel is None:
        return None
    moved = np.moveaxis(kernel, filter_axis, -1)
    return Filters(name, moved.reshape(-1, moved.shape[-1]), groups)
