"""Transposed convolutions: every element of the input spreads the kernel, and the output sums what reaches it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.explaining.arithmetic.biased import BiasedSum
from models.explaining.arithmetic.layer_call import LayerCall, explains, text
from models.explaining.arithmetic.steps import Step, weighted
from models.explaining.arithmetic.windows import arranged, as_input, cells_reaching
from models.layers.convolution_transposed import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
    TransposedConvolution,
)


@explains(Conv1DTranspose, Conv2DTranspose, Conv3DTranspose)
def transposed(call: LayerCall[TransposedConvolution]) -> Iterator[Step]:
    """Σ input · kernel + bias over the positions that reach the element, each through one cell of the kernel."""
    layer, x, index = call.layer, call.inputs[0], call.index
    number = index[layer.channel_axis()]
    cells = cells_reaching(layer, x.shape, call.output.shape, index)
    channels = np.arange(x.shape[layer.channel_axis()])
    axes = arranged(layer, np.array(index[:1]), cells.inputs, channels)
    kernel_axes = (*cells.window, np.array([number]), channels)
    kernel = as_input(layer, call.weight("kernel", kernel_axes)[..., 0, :])
    terms = weighted(call.reads[0], axes, call.take(0, axes), kernel)
    yield BiasedSum(call, f"sum({text(call.reads[0], axes)} * {text('kernel', kernel_axes)})", number).last(terms)
