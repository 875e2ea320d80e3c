"""Activations: layers, and the last step of layers that have one; each by itself or along an axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from models.explaining.arithmetic.activation_functions import Elementwise, elementwise
from models.explaining.arithmetic.layer_call import LayerCall, at, explains, text
from models.explaining.arithmetic.softmax import ALONG_AXES, softmax
from models.explaining.arithmetic.steps import NoArithmetic, Step, applied, weighted
from models.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from models.layers.layer import Layer


@explains(Activation)
def activation(call: LayerCall[Activation]) -> Iterator[Step]:
    """The function that the layer names."""
    yield from apply(call, call.layer.activation)


@explains(ReLU, LeakyReLU, ELU)
def activation_layer(call: LayerCall[Layer]) -> Iterator[Step]:
    """The function that the layer is."""
    yield from apply(call, call.layer)


@explains(PReLU)
def learned_slope(call: LayerCall[PReLU]) -> Iterator[Step]:
    """x, times a learned slope where it is negative."""
    here, shape = at(*call.index), call.weights["alpha"].shape
    place = tuple(0 if length == 1 else own for length, own in zip(shape, call.index[1:], strict=True))
    values = call.take(0, here)
    slope = 1.0 if values.item() > 0 else call.weight_at("alpha", *place)
    formula = f"x if x > 0 else {text('alpha', at(*place))} * x, x = {text(call.reads[0], here)}"
    yield call.last_step(formula, weighted(call.reads[0], here, values, slope))


@explains(Softmax)
def softmax_layer(call: LayerCall[Softmax]) -> Iterator[Step]:
    """Exponentials that sum to 1 along the axes."""
    yield from softmax(call, call.layer.axis)


def fused(call: LayerCall[Any]) -> Iterator[Step]:
    """Yield the steps of the last activation of a layer, from `before` to the output."""
    assert call.before is not None  # noqa: S101 - callers ask layers with an activation
    pre = LayerCall(call.layer, call.address, (f"{call.address}:pre",), (call.before,), call.output, call.index)
    yield from apply(pre, call.layer.activation)


def apply(call: LayerCall[Any], function: Layer | str) -> Iterator[Step]:
    """Yield the steps of an activation of the first input.

    Raises:
        NoArithmetic: there is no formula for it.
    """
    single = elementwise(function)
    if single is not None:
        yield _single(call, single)
    elif isinstance(function, Softmax):
        yield from softmax(call, function.axis)
    elif isinstance(function, str) and function in ALONG_AXES:
        yield from ALONG_AXES[function](call, -1)
    else:
        raise NoArithmetic(f"The arithmetic of the activation {function} is not explained.")


def _single(call: LayerCall[Any], function: Elementwise) -> Step:
    here = at(*call.index)
    values = call.take(0, here)
    results = np.full(values.shape, function(values.item()))
    formula = f"{function.formula}, x = {text(call.reads[0], here)}"
    return call.last_step(formula, applied(call.reads[0], here, values, results))
