"""Boxes of single layers, compared with the numbers whose change changes what Keras computes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from models.explaining.reads.part import Part
from models.explaining.reads.pointwise import before_activation
from models.explaining.reads.registry import parts_of
from models.explaining.reads.rule import Reading
from tests.unit.models.explaining.arithmetic.keras_calls import Array, Case
from tests.unit.models.explaining.arithmetic.more_cases import CASES

SHIFTS = (1000.0, -1000.0)
"""Large enough to make any number the largest or the smallest."""
SIZES = (1.0, 0.1)
"""Of the inputs that are tried: small ones are not in the flat part of a function."""
RARELY = ("Masking", "sparsemax")
"""What reads numbers that seldom count: it compares them with a constant, or is 0 for most."""
MORE = [
    Case("TimeDistributed", {"layer": {"type": "Conv1D", "filters": 2, "kernel_size": 3}}, ((1, 3, 6, 2),)),
    Case("SpectralNormalization", {"layer": {"type": "Conv1D", "filters": 2, "kernel_size": 3}}, ((1, 6, 2),)),
    Case("UpSampling2D", {"size": 2, "interpolation": "bicubic"}, ((1, 6, 5, 2),)),
    Case("LSTM", {"units": 3}, ((1, 4, 2),)),
    Case("SimpleRNN", {"units": 3, "return_sequences": True}, ((1, 4, 2),)),
]


def held(case: Case) -> dict[str, Any]:
    """Return the layer inside a wrapper as an object of Keras."""
    if "layer" not in case.arguments:
        return {}
    own = {name: value for name, value in case.arguments["layer"].items() if name != "type"}
    return {"layer": getattr(keras.layers, case.arguments["layer"]["type"])(**own)}


def changed(array: Array) -> Array:
    """Return rows of an item: in each, another of its numbers is changed, first up and then down; in the last, none."""
    rows, numbers = np.repeat(array, 2 * array.size + 1, 0), np.arange(array.size)
    flat = rows.reshape(len(rows), -1)
    for start, shift in zip((0, array.size), SHIFTS, strict=True):
        own = flat[numbers + start, numbers]
        flat[numbers + start, numbers] = own + shift if array.dtype.kind == "f" else (own + 1) % 5
    return rows


def outputs(case: Case, made: Any, inputs: list[Array]) -> list[Array]:
    """Return, for each input, what Keras computes as its numbers change."""
    found = []
    for number, array in enumerate(inputs):
        rows = changed(array)
        found.append(
            case.run(made, [rows if n == number else np.repeat(one, len(rows), 0) for n, one in enumerate(inputs)])
        )
    return found


def counting(rows: Array, index: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """Return which numbers of an item of this shape change the element at an index."""
    element = rows[(slice(None), *index)]
    same = np.isclose(element[:-1], element[-1], rtol=1e-4, atol=1e-6)  # rows have other bits where they lie in memory
    up, down = ~same.reshape(2, *shape)
    return up | down


@pytest.mark.filterwarnings("ignore:.*triggered tf.function retracing")
@pytest.mark.parametrize("case", [*CASES, *MORE], ids=str)
def test_boxes_hold_the_numbers_that_count(case: Case) -> None:
    """At every position of an exact box, along every axis, a number counts, and no other box leaves one out."""
    one, rng = replace(case, shapes=tuple((1, *shape[1:]) for shape in case.shapes)), np.random.default_rng(4)
    inputs = one.inputs(rng)
    made = one.built(rng, inputs, **held(one))
    shape = one.run(made, inputs).shape
    draws = [outputs(one, made, [_scaled(array, size) for array in one.inputs(rng)]) for size in SIZES]
    for _ in range(3):
        index = tuple(int(rng.integers(length)) for length in shape[1:])
        for number, part in enumerate(parts(one, index, shape)):
            counts = [counting(draw[number], index, inputs[number].shape[1:]) for draw in draws]
            compare(part, np.any(counts, 0), str(one))


def _scaled(array: Array, size: float) -> Array:
    return array * array.dtype.type(size) if array.dtype.kind == "f" else array


def parts(case: Case, index: tuple[int, ...], shape: tuple[int, ...]) -> list[Part]:
    """Return the part of each input that is read."""
    part = Part.of((0, *index), shape)
    if case.layer.has_activation() and "layer" not in case.arguments:
        part = before_activation(part, getattr(case.layer, "activation", None))  # type: ignore[arg-type]
    return list(parts_of(Reading(case.layer, part, case.shapes, shape)))


def compare(part: Part, counts: Array, case: str) -> None:
    """Compare the part of an input with the numbers that count."""
    axes = range(counts.ndim)
    expected = [counts.any(tuple(other for other in axes if other != axis)).tolist() for axis in axes]
    seen = [axis.tolist() for axis in part.axes[1:]]
    if part.is_empty:
        assert not counts.any()
    elif part.is_tight and not any(rare in case for rare in RARELY):
        assert seen == expected
    else:
        assert all(own >= other for pair in zip(seen, expected, strict=True) for own, other in zip(*pair, strict=True))


@pytest.mark.parametrize(("type", "extent"), [
    ("LSTM", "whole_input"), ("UpSampling2D", "upper_bound"), ("TimeDistributed", "exact"),
])  # fmt: skip
def test_extents_say_how_well_a_box_is_known(type: str, extent: str) -> None:
    """Without a rule a layer reads everything; a rule may know no more than a bound."""
    case = next(case for case in MORE if case.type == type)
    shape = {"LSTM": (1, 3), "UpSampling2D": (1, 12, 10, 2), "TimeDistributed": (1, 3, 4, 2)}[type]
    (part,) = parts(case, (0,) * (len(shape) - 1), shape)
    assert part.extent == extent
