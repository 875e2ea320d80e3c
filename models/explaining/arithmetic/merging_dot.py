"""Dot: two inputs multiplied along an axis of each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.explaining.arithmetic.layer_call import LayerCall, explains, text
from models.explaining.arithmetic.normalized import inverse_root
from models.explaining.arithmetic.steps import Step, applied, weighted
from models.layers.merging import Dot
from models.tensors.dtypes import Array

UNIT_EPSILON = 1e-12
"""Least norm that `normalize` divides by."""


@explains(Dot)
def dot(call: LayerCall[Dot]) -> Iterator[Step]:
    """Σ first · second; with `normalize`, each divided by its norm first."""
    first, second = _places(call)
    values, others = call.take(0, first), call.take(1, second).ravel()
    factor = 1.0
    formula = f"sum({text(call.reads[0], first)} * {text(call.reads[1], second)})"
    if call.layer.normalize:
        for number, axes in enumerate((first, second)):
            squares = _squares(call, number, axes)
            yield squares
            factor *= min(inverse_root(squares.total), 1 / UNIT_EPSILON)
        formula += " / sqrt(squares_0) / sqrt(squares_1)"
    weights = (others * factor).reshape(values.shape)
    yield call.last_step(formula, weighted(call.reads[0], first, values, weights))


def _squares(call: LayerCall[Dot], number: int, axes: tuple[Array, ...]) -> Step:
    values = call.take(number, axes)
    terms = applied(call.reads[number], axes, values, values**2)
    return Step(f"squares_{number} = sum({text(call.reads[number], axes)} ** 2)", (terms,))


def _places(call: LayerCall[Dot]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Return the positions in both inputs: the output has the axes of the first, then those of the second."""
    shapes = tuple(array.shape for array in call.inputs)
    rest = list(call.index[1:])
    both = []
    for shape, summed in zip(shapes, call.layer.summed_axes(shapes), strict=True):
        axes = [np.array(call.index[:1])]
        axes += [np.arange(n) if axis == summed else np.array([rest.pop(0)]) for axis, n in enumerate(shape[1:], 1)]
        both.append(tuple(axes))
    return both[0], both[1]
