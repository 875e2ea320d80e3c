"""Activations along an axis: softmax, its logarithm, and sparsemax."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from models.explaining.arithmetic.layer_call import LayerCall, at, text
from models.explaining.arithmetic.steps import Step, applied, weighted
from models.layers.axes import inner_axes
from models.tensors.dtypes import Array

Axes = int | Sequence[int]


def softmax(call: LayerCall[Any], axis: Axes) -> Iterator[Step]:
    """exp(x) / sum(exp(x)): the largest value, which changes nothing, is subtracted first. Masked values have none."""
    axes, values, highest = _part(call, axis)
    total = _exponentials(call, axes, values, highest)
    yield total
    own = _own(call)
    with np.errstate(invalid="ignore"):
        share = np.exp(own - highest) / total.total * _kept(call, at(*call.index))
    formula = f"exp({text(call.reads[0], at(*call.index))} - {highest:.9g}) / total"
    yield call.last_step(formula, applied(call.reads[0], at(*call.index), own, share))


def log_softmax(call: LayerCall[Any], axis: Axes) -> Iterator[Step]:
    """x - log(sum(exp(x)))."""
    axes, values, highest = _part(call, axis)
    total = _exponentials(call, axes, values, highest)
    yield total
    here = at(*call.index)
    formula = f"{text(call.reads[0], here)} - ({highest:.9g} + log(total))"
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = float(-(highest + np.log(total.total)))
    yield call.last_step(formula, weighted(call.reads[0], here, _own(call), 1.0), bias=shift)


def sparsemax(call: LayerCall[Any], axis: Axes) -> Iterator[Step]:
    """max(x - tau, 0). Keras' tau (3.15) is the sum of the cumulative sums of the k largest values where Martins and
    Astudillo, "From Softmax to Sparsemax" (2016), algorithm 1, have the last of them: the largest counts k times.

    Source: `sparsemax` of Keras' TensorFlow backend.
    """
    axes, values, _ = _part(call, axis)
    order = np.argsort(-values.ravel(), kind="stable")
    ordered, numbers = values.ravel()[order], np.arange(1, values.size + 1)
    count = int((ordered - (np.cumsum(ordered) - 1) / numbers > 0).sum()) or 1
    weights = np.zeros(values.size)
    weights[order[:count]] = np.arange(count, 0, -1) / count
    terms = weighted(call.reads[0], axes, values, weights.reshape(values.shape))
    formula = (
        f"tau = (the sum of the {count} cumulative sums of the largest of {text(call.reads[0], axes)} - 1) / {count}"
    )
    tau = Step(formula, (terms,), bias=-1 / count)
    yield tau
    own = _own(call)
    formula = f"max({text(call.reads[0], at(*call.index))} - tau, 0)"
    yield call.last_step(formula, applied(call.reads[0], at(*call.index), own, np.maximum(own - tau.total, 0)))


ALONG_AXES: Mapping[str, Callable[[LayerCall[Any], Axes], Iterator[Step]]] = {
    "softmax": softmax, "log_softmax": log_softmax, "sparsemax": sparsemax,
}  # fmt: skip
"""By Keras' names."""


def _own(call: LayerCall[Any]) -> Array:
    return call.take(0, at(*call.index))


def _part(call: LayerCall[Any], axis: Axes) -> tuple[tuple[Array, ...], Array, float]:
    """Return the positions along the axes, the values there, and the largest of those that no mask excludes."""
    shape = call.inputs[0].shape
    along = inner_axes("axis", axis, shape)
    axes = tuple(np.arange(shape[n]) if n in along else np.array([place]) for n, place in enumerate(call.index))
    values = call.take(0, axes)
    kept = values[_kept(call, axes)]
    return axes, values, float(kept.max()) if kept.size else float(values.max())


def _exponentials(call: LayerCall[Any], axes: tuple[Array, ...], values: Array, highest: float) -> Step:
    with np.errstate(invalid="ignore"):
        powers = np.where(_kept(call, axes), np.exp(values - highest), 0.0)
    formula = f"total = sum(exp({text(call.reads[0], axes)} - {highest:.9g}))"
    return Step(formula, (applied(call.reads[0], axes, values, powers),))


def _kept(call: LayerCall[Any], axes: Sequence[Array]) -> Array:
    """Return where the mask, which is aligned with the last axes of the input, keeps values: everywhere without one."""
    shape = tuple(map(len, axes))
    if call.mask is None:
        return np.ones(shape, bool)
    mask = np.broadcast_to(call.mask, call.inputs[0].shape)
    return np.asarray(mask[np.ix_(*axes)].astype(np.float64) > 0.5)
