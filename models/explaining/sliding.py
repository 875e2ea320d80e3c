"""What positions of an output read along one axis of the input, for layers that slide a window or spread one."""

from __future__ import annotations

import numpy as np

from models.layers.convolution_transposed import TransposedConvolution
from models.layers.receptive_field import Window
from models.tensors.dtypes import Array

NONE = -1
"""In place of a position of the input, where a cell of a window meets none."""


def seen(window: Window, length: int, positions: Array) -> Array:
    """Return, for each position of the output and each cell of its window, the position of the input in that cell."""
    found = positions[:, np.newaxis] * window.stride - (window.before or 0) + np.arange(window.kernel) * window.dilation
    return np.where((found >= 0) & (found < length), found, NONE)


def reaching(window: Window, length: int, positions: Array) -> Array:
    """Return, for each position of the output of a transposed convolution and each cell of the kernel, the position of
    the input that reaches it through that cell. `window` is that of the convolution which is run backwards.
    """
    spread = positions[:, np.newaxis] + (window.before or 0) - np.arange(window.kernel) * window.dilation
    found, rest = np.divmod(spread, window.stride)
    return np.where((rest == 0) & (found >= 0) & (found < length), found, NONE)


def backward_windows(layer: TransposedConvolution, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> list[Window]:
    """Return the window along each spatial axis of the convolution that a transposed one runs backwards, for lengths of
    these axes. It slides over the output and pads it as any does: `same` as if the output were as long as the steps
    of the input need, the smaller half first.

    Source: tf.nn.conv_transpose is the gradient of a convolution whose input has the shape of its output.
    """
    lengths = zip(layer.kernel_size, layer.strides, layer.dilation_rate, inputs, outputs, strict=True)
    windows = []
    for kernel, stride, dilation, steps, length in lengths:
        missing = max((steps - 1) * stride + (kernel - 1) * dilation + 1 - length, 0)
        windows.append(Window(kernel, stride, dilation, missing // 2 if layer.padding == "same" else 0))
    return windows


def parts(length: int, size: int, positions: Array) -> tuple[Array, Array]:
    """Return the first position and the one past the last of the parts that adaptive pooling to `size` pools.

    Source: `_compute_static_gather_indices` of Keras' TensorFlow backend, which computes them in float32.
    """
    ratio = np.float32(size)
    starts = np.floor(positions.astype(np.float32) * np.float32(length) / ratio).astype(int)
    ends = np.ceil((positions + 1).astype(np.float32) * np.float32(length) / ratio).astype(int)
    return np.minimum(starts, length - 1), np.minimum(ends, length)
