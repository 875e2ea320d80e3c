"""Normalizations by the statistics of the example itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from models.explaining.arithmetic.layer_call import LayerCall, at, explains, text
from models.explaining.arithmetic.normalized import (
    inverse_root,
    mean_step,
    scale_step,
    scaled,
    shifted_step,
    variance_step,
)
from models.explaining.arithmetic.steps import Step, applied, weighted
from models.layers.axes import AlongAxes, inner_axes
from models.layers.normalization import (
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    ScaledAndShifted,
    UnitNormalization,
)
from models.tensors.dtypes import Array

UNIT_EPSILON = 1e-12
"""Least norm that UnitNormalization divides by."""


@explains(LayerNormalization)
def layer_normalization(call: LayerCall[LayerNormalization]) -> Iterator[Step]:
    """(x - mean) / √(variance + ε) · γ + β over the axes that are normalized."""
    place = tuple(call.index[axis] for axis in _positions(call))
    yield from _by_moments(call, _along(call), place)


@explains(GroupNormalization)
def group_normalization(call: LayerCall[GroupNormalization]) -> Iterator[Step]:
    """(x - mean) / √(variance + ε) · γ + β over the group of the channel, at all positions."""
    shape, axis = call.inputs[0].shape, call.layer.axis % call.output.ndim
    size = shape[axis] // (shape[axis] if call.layer.groups == -1 else call.layer.groups)
    axes = [np.arange(length) for length in shape]
    axes[0], axes[axis] = np.array(call.index[:1]), np.arange(size) + call.index[axis] // size * size
    yield from _by_moments(call, axes, (call.index[axis],))


@explains(RMSNormalization)
def rms_normalization(call: LayerCall[RMSNormalization]) -> Iterator[Step]:
    """x / √(mean of squares + ε) · scale."""
    axes, place = _along(call), tuple(call.index[axis] for axis in _positions(call))
    values = call.take(0, axes)
    squares = applied(call.reads[0], axes, values, values**2 / values.size)
    mean = Step(f"mean = sum({text(call.reads[0], axes)} ** 2) / {values.size}", (squares,))
    yield mean
    epsilon = call.layer.epsilon
    spread = f"1 / sqrt(mean + {epsilon})"
    learned = call.weight("scale", at(*place))
    factor = inverse_root(mean.total + epsilon)
    scale = Step(f"scale = {text('scale', at(*place))} * {spread}", (weighted("scale", at(*place), learned, factor),))
    yield scale
    formula = f"{text(call.reads[0], at(*call.index))} * scale"
    yield call.last_step(formula, scaled(call, scale.total))


@explains(UnitNormalization)
def unit_normalization(call: LayerCall[UnitNormalization]) -> Iterator[Step]:
    """x / √(sum of squares)."""
    axes = _along(call)
    values = call.take(0, axes)
    squares = Step(
        f"squares = sum({text(call.reads[0], axes)} ** 2)", (applied(call.reads[0], axes, values, values**2),)
    )
    yield squares
    factor = min(inverse_root(squares.total), 1 / UNIT_EPSILON)
    yield call.last_step(f"{text(call.reads[0], at(*call.index))} / sqrt(squares)", scaled(call, factor))


def _by_moments(call: LayerCall[Any], axes: Sequence[Array], place: tuple[int, ...]) -> Iterator[Step]:
    """Yield the steps of a layer with gamma and beta, whose place in both is the same; it casts for itself."""
    layer: ScaledAndShifted = call.layer
    values = call.take(0, axes, cast=False)
    mean = mean_step(call, axes, values)
    yield mean
    variance = variance_step(call, axes, values, mean.total)
    yield variance
    factor = inverse_root(variance.total + layer.epsilon)
    scale = scale_step(call, f"1 / sqrt(variance + {layer.epsilon})", factor, place if layer.scale else None)
    yield scale
    centre = weighted("mean", (), np.array(mean.total), -scale.total)
    yield call.uncast(shifted_step(call, scale.total, centre, place if layer.center else None, cast=False))


def _positions(call: LayerCall[AlongAxes]) -> tuple[int, ...]:
    """Return the axes that are normalized, in ascending order."""
    return inner_axes("axis", call.layer.axis, call.inputs[0].shape)


def _along(call: LayerCall[Any]) -> tuple[Array, ...]:
    """Return all positions along the axes that are normalized, and those of the element along the others."""
    axes, shape = _positions(call), call.inputs[0].shape
    return tuple(np.arange(shape[n]) if n in axes else np.array([place]) for n, place in enumerate(call.index))
