"""Dense: the last axis times a column of the kernel, and the bias."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.explaining.arithmetic.biased import BiasedSum
from models.explaining.arithmetic.layer_call import LayerCall, at, explains, text
from models.explaining.arithmetic.steps import Step, weighted
from models.layers.core import Dense


@explains(Dense)
def dense(call: LayerCall[Dense]) -> Iterator[Step]:
    """Σ input · kernel + bias over the last axis."""
    *position, unit = call.index
    features = np.arange(call.inputs[0].shape[-1])
    axes, kernel_axes = (*at(*position), features), (features, np.array([unit]))
    values = call.take(0, axes)
    terms = weighted(call.reads[0], axes, values, call.weight("kernel", kernel_axes).reshape(values.shape))
    yield BiasedSum(call, f"sum({text(call.reads[0], axes)} * {text('kernel', kernel_axes)})", unit).last(terms)
