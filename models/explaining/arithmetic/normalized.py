"""Numbers normalized to mean 0 and variance 1, then scaled and shifted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.explaining.arithmetic.layer_call import LayerCall, at, text
from models.explaining.arithmetic.steps import Step, Terms, applied, weighted
from models.tensors.dtypes import Array


def mean_step(call: LayerCall[Any], axes: Sequence[Array], values: Array) -> Step:
    """Return the mean of a part of the input."""
    terms = weighted(call.reads[0], axes, values, 1 / values.size)
    return Step(f"mean = sum({text(call.reads[0], axes)}) / {values.size}", (terms,))


def variance_step(call: LayerCall[Any], axes: Sequence[Array], values: Array, mean: float) -> Step:
    """Return the variance of a part of the input."""
    terms = applied(call.reads[0], axes, values, (values - mean) ** 2 / values.size)
    return Step(f"variance = sum(({text(call.reads[0], axes)} - mean) ** 2) / {values.size}", (terms,))


def scale_step(call: LayerCall[Any], spread: str, factor: float, place: Sequence[int] | None) -> Step:
    """Return what the element is multiplied by: `factor`, which `spread` is the formula of, times the element of gamma
    at this place, if there is one. Keras does not cast it.
    """
    if place is None:
        return Step(f"scale = {spread}", (), bias=factor)
    learned = call.weight("gamma", at(*place), cast=False)
    return Step(f"scale = {text('gamma', at(*place))} * {spread}", (weighted("gamma", at(*place), learned, factor),))


def scaled(call: LayerCall[Any], scale: float, *, cast: bool = True) -> Terms:
    """Return the element of the input times the scale."""
    here = at(*call.index)
    return weighted(call.reads[0], here, call.take(0, here, cast=cast), scale)


def shifted_step(
    call: LayerCall[Any], scale: float, mean: Terms, place: Sequence[int] | None, *, cast: bool = True
) -> Step:
    """Return the last step, x · scale - mean · scale + beta: Keras computes it in this form."""
    read, name = text(call.reads[0], at(*call.index)), text(mean.name, mean.axes) if mean.axes else mean.name
    formula = f"{read} * scale - {name} * scale"
    own = scaled(call, scale, cast=cast)
    if place is None:
        return call.last_step(formula, own, mean)
    beta = call.weight_at("beta", *place, cast=False)
    return call.last_step(f"{formula} + {text('beta', at(*place))}", own, mean, bias=beta)


def inverse_root(number: float) -> float:
    """Return 1 / √number; infinite at 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(1 / np.sqrt(np.float64(number)))
