"""Boxes of single layers, compared with where the gradient of an element is not 0."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.explaining.reads.part import Part
from models.explaining.reads.pointwise import before_activation
from models.explaining.reads.registry import parts_of
from models.explaining.reads.rule import Reading
from tests.unit.models.explaining.arithmetic.keras_calls import Case
from tests.unit.models.explaining.arithmetic.more_cases import CASES

ROWS = 96
"""Items of random numbers, so that each element is once the largest, and none is in the flat part of a function."""
BY_COMPARISON = {"Masking"}
"""Layers that read elements which have no gradient."""
MORE = [
    Case("TimeDistributed", {"layer": {"type": "Conv1D", "filters": 2, "kernel_size": 3}}, ((1, 3, 6, 2),)),
    Case("SpectralNormalization", {"layer": {"type": "Conv1D", "filters": 2, "kernel_size": 3}}, ((1, 6, 2),)),
    Case("UpSampling2D", {"size": 2, "interpolation": "bicubic"}, ((1, 6, 5, 2),)),
    Case("LSTM", {"units": 3}, ((1, 4, 2),)),
    Case("SimpleRNN", {"units": 3, "return_sequences": True}, ((1, 4, 2),)),
]
FLOATS = [case for case in [*CASES, *MORE] if case.dtype == "float32"]


def widened(case: Case) -> Case:
    """Return the case on many items, and in float64: no gradient is rounded to 0."""
    shapes = tuple((ROWS, *shape[1:]) for shape in case.shapes)
    return replace(case, shapes=shapes, arguments={**case.arguments, "dtype": "float64"}, dtype="float64")


def held(case: Case) -> dict[str, Any]:
    """Return arguments with the layer inside as an object of Keras."""
    if "layer" not in case.arguments:
        return {}
    own = {name: value for name, value in case.arguments["layer"].items() if name != "type"}
    return {"layer": getattr(keras.layers, case.arguments["layer"]["type"])(**own)}


def gradients(case: Case, index: tuple[int, ...], made: Any, inputs: list[Any]) -> list[np.ndarray[Any, Any]]:
    """Return where the element at an index after the batch has a gradient in any item, in the shape of each input."""
    tensors = [tf.constant(array) for array in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        given = tensors[0] if case.layer.inputs_as == "one" else tensors
        element = made(given, **case.layer.call_arguments())[(slice(None), *index)]
    found = tape.gradient(element, tensors, unconnected_gradients="zero")
    return [(np.asarray(memoryview(one)) != 0).any(0) for one in found]


def projections(where: np.ndarray[Any, Any]) -> list[list[bool]]:
    """Return the positions along each axis at which something is true."""
    axes = range(where.ndim)
    return [where.any(tuple(other for other in axes if other != axis)).tolist() for axis in axes]


@pytest.mark.filterwarnings("ignore:.*triggered tf.function retracing")
@pytest.mark.parametrize("case", FLOATS, ids=str)
def test_boxes_are_where_gradients_are(case: Case) -> None:
    """An exact box has a gradient at every position along every axis, and no other box leaves one out."""
    wide, rng = widened(case), np.random.default_rng(zlib.crc32(str(case).encode()))
    inputs = wide.inputs(rng)
    made = wide.built(rng, inputs, **held(wide))
    shape = tuple(wide.run(made, inputs).shape)
    for _ in range(3):
        index = tuple(int(rng.integers(length)) for length in shape[1:])
        part = Part.of((0, *index), (1, *shape[1:]))
        if wide.layer.has_activation() and "layer" not in wide.arguments:
            part = before_activation(part, wide.layer.activation)
        shapes = tuple((1, *array.shape[1:]) for array in inputs)
        parts = parts_of(Reading(wide.layer, part, shapes, (1, *shape[1:])))
        for found, where in zip(parts, gradients(wide, index, made, inputs), strict=True):
            compare(found, where, wide.type)


def compare(found: Part, where: np.ndarray[Any, Any], kind: str) -> None:
    """Compare the part of an input with where gradients are."""
    seen, expected = [axis.tolist() for axis in found.axes[1:]], projections(where)
    if found.is_empty:
        assert not where.any()
    elif found.is_tight and kind not in BY_COMPARISON:
        assert seen == expected
    else:
        assert all(
            one or not two
            for axis, other in zip(seen, expected, strict=True)
            for one, two in zip(axis, other, strict=True)
        )
