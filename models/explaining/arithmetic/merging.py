"""Merging layers: one element of each input, which is repeated along axes of length 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from models.explaining.arithmetic.layer_call import LayerCall, at, explains, text
from models.explaining.arithmetic.steps import Step, Terms, weighted
from models.layers.applications import CustomScaleLayer
from models.layers.layer import Layer
from models.layers.merging import Add, Average, Maximum, Minimum, Multiply, Subtract
from models.tensors.dtypes import Array


@explains(Add)
def add(call: LayerCall[Layer]) -> Iterator[Step]:
    """The sum of the inputs."""
    yield _sum(call, " + ".join(_texts(call)), [1.0] * len(call.inputs))


@explains(Subtract)
def subtract(call: LayerCall[Layer]) -> Iterator[Step]:
    """The first input minus the second."""
    yield _sum(call, " - ".join(_texts(call)), [1.0, -1.0])


@explains(Average)
def average(call: LayerCall[Layer]) -> Iterator[Step]:
    """The mean of the inputs."""
    count = len(call.inputs)
    yield _sum(call, f"({' + '.join(_texts(call))}) / {count}", [1 / count] * count)


@explains(CustomScaleLayer)
def add_scaled(call: LayerCall[CustomScaleLayer]) -> Iterator[Step]:
    """The first input plus the second times `scale`."""
    first, second = _texts(call)
    yield _sum(call, f"{first} + {second} * {call.layer.scale}", [1.0, call.layer.scale])


@explains(Maximum)
def maximum(call: LayerCall[Layer]) -> Iterator[Step]:
    """The largest of the inputs; it has weight 1, the others 0."""
    chosen = int(np.argmax([values.item() for values in _values(call)]))
    yield _sum(call, f"max({', '.join(_texts(call))})", [float(n == chosen) for n in range(len(call.inputs))])


@explains(Minimum)
def minimum(call: LayerCall[Layer]) -> Iterator[Step]:
    """The smallest of the inputs; it has weight 1, the others 0."""
    chosen = int(np.argmin([values.item() for values in _values(call)]))
    yield _sum(call, f"min({', '.join(_texts(call))})", [float(n == chosen) for n in range(len(call.inputs))])


@explains(Multiply)
def multiply(call: LayerCall[Layer]) -> Iterator[Step]:
    """The product of the inputs, one after the other."""
    values, texts = [array.item() for array in _values(call)], _texts(call)
    terms: Terms = weighted(call.reads[0], _place(call, 0), np.full((1,) * call.inputs[0].ndim, values[0]), values[1])
    formula = f"{texts[0]} * {texts[1]}"
    for number in range(2, len(values)):
        step = Step(f"product = {formula}", (terms,))
        yield step
        terms = weighted("product", (), np.array(step.total), values[number])
        formula = f"product * {texts[number]}"
    yield call.last_step(formula, terms)


def _sum(call: LayerCall[Any], formula: str, weights: Sequence[float]) -> Step:
    """Return the step that sums one element of each input, times its weight."""
    parts = zip(call.reads, _values(call), weights, strict=True)
    return call.last_step(
        formula, *(weighted(name, _place(call, n), values, weight) for n, (name, values, weight) in enumerate(parts))
    )


def _values(call: LayerCall[Any]) -> list[Array]:
    return [call.take(number, _place(call, number)) for number in range(len(call.inputs))]


def _texts(call: LayerCall[Any]) -> list[str]:
    return [text(name, _place(call, number)) for number, name in enumerate(call.reads)]


def _place(call: LayerCall[Any], number: int) -> tuple[Array, ...]:
    """Return the element of an input that goes into the element: axes are aligned at the ends, the batch is first."""
    batch, *lengths = call.inputs[number].shape
    own = call.index[len(call.index) - len(lengths) :]
    places = (0 if length == 1 else place for length, place in zip(lengths, own, strict=True))
    return at(0 if batch == 1 else call.index[0], *places)
