"""Networks whose layers do not fit their inputs: each is refused with a pointer, the reason, and what would fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.engine.build import build
from models.engine.shaping import declared_shapes, shape_network
from models.errors import InvalidDocument, Problem
from models.networks.expansion import expand
from models.reading.parse import parse_document

STEPS = [4, 3]
TWO = {"a": STEPS, "b": STEPS}
EMBEDDING: dict[str, Any] = {"type": "ReversibleEmbedding", "input_dim": 5, "output_dim": 9}
LSTM: dict[str, Any] = {"type": "LSTM", "units": 2}
MASKED = {"x": STEPS, "m": {"shape": [5], "dtype": "bool"}}
TURNED = {"type": "ops.transpose", "axes": [1, 0, 2], "inputs": ["a"]}
DIFFERENT = "the operands do not fit each other"


def problem_of(shape: Any, *layers: dict[str, Any]) -> Problem:
    """Return why a network is refused."""
    network = expand(parse_document({"input": shape, "layers": list(layers)}))
    with pytest.raises(InvalidDocument) as refused:
        shape_network(network, declared_shapes(network))
    (problem,) = refused.value.problems
    return problem


REFUSED: dict[str, tuple[Any, list[dict[str, Any]], str, str, str]] = {
    "an unrolled layer on any number of steps": (
        [None, 3], [LSTM | {"unroll": True}], "/layers/0", "lstm: LSTM must know the size of its input",
        "lengths along every axis",
    ),
    "the mask of a block": (
        MASKED, [{"type": "Block", "inputs": ["x"], "layers": [LSTM], "keywords": {"mask": "m"}}],
        "/layers/0/layers/0", "block/lstm: the mask that the model around it is given does not fit the input",
        "the leading axes of (None, 4, 3)",
    ),
    "the mask of a call": (
        MASKED, [LSTM | {"inputs": ["x"], "keywords": {"mask": "m"}}],
        "/layers/0/keywords/mask", "lstm: the mask does not fit the input", "the leading axes of (None, 4, 3)",
    ),
    "ids of as many axes as there may be": (
        [1] * 7, [EMBEDDING], "/layers/0/inputs", "reversible_embedding: the features need another axis",
        "at most 7 axes",
    ),
    "vectors of another length": (
        STEPS, [EMBEDDING | {"reverse": True}], "/layers/0/inputs",
        "reversible_embedding: vectors of another length are projected back", "9 along the last axis",
    ),
    "several rows for each of the batch": (
        {"a": STEPS, "b": [3]},
        [{"type": "ops.reshape", "newshape": [-1, 3], "inputs": ["a"]},
         {"type": "Concatenate", "inputs": ["reshape", "b"]}],
        "/layers/1/inputs", "concatenate: the inputs have other rows for each of the batch",
        "tensors with the same rows for each of the batch",
    ),
    "the batch in different places": (
        TWO, [TURNED, {"type": "ops.concatenate", "axis": 2, "inputs": ["transpose", "b"]}], "/layers/1/inputs",
        "concatenate: the tensors have the batch in different places", "the batch in the same axis",
    ),
    "a product of too many axes": (
        {"a": [1] * 4, "b": [1] * 4},
        [{"type": "ops.einsum", "subscripts": "bacde,bfghi->bacdefghi", "inputs": ["a", "b"]}],
        "/layers/0/inputs", f"einsum: {DIFFERENT}", "a result of at most 8 axes",
    ),
    "an outer product of too many axes": (
        [1] * 5, [{"type": "ops.tensordot", "axes": 0, "x2": {"value": [[[[1]]]]}}], "/layers/0/inputs",
        f"tensordot: {DIFFERENT}", "a result of at most 8 axes",
    ),
    "matrices of other lengths": (
        {"a": [2, 4, 3], "b": [5, 3, 4]}, [{"type": "ops.matmul", "inputs": ["a", "b"]}], "/layers/0/inputs",
        f"matmul: {DIFFERENT}", "the same lengths before the last two axes",
    ),
    "a sum of other axes": (
        {"a": STEPS, "b": [3]}, [{"type": "CustomScaleLayer", "scale": 0.5, "inputs": ["a", "b"]}], "/layers/0/inputs",
        "custom_scale_layer: the inputs do not have the same number of axes", "as many axes in both",
    ),
    "other channels": (
        STEPS, [{"type": "LayerScale", "init_values": 0.5, "projection_dim": 5}], "/layers/0/projection_dim",
        "layer_scale: projection_dim is not the length of the input's last axis", "3",
    ),
    "too many new axes": (
        STEPS, [{"type": "ops.get_item", "key": [{}, *[None] * 7]}], "/layers/0/key",
        "get_item: there would be too many axes", "at most 8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_layers_that_do_not_fit_their_inputs_are_refused(name: str) -> None:
    """Before Keras sees them, in our own words."""
    shape, layers, pointer, message, expected = REFUSED[name]
    problem = problem_of(shape, *layers)
    assert (problem.pointer, problem.message, problem.expected) == (pointer, message, expected)


ARGUMENTS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a flag of a call that another layer makes": (
        {"type": "TimeDistributed", "layer": EMBEDDING | {"reverse": True}}, "/layers/0/layer",
        "reverse is an argument of the call, and the layer around this one calls it without", "false",
    ),
    "an array of too many numbers": (
        {"type": "ops.add", "x2": {"value": [[0.5] * 300] * 300}}, "/layers/0/x2", "there are too many numbers",
        "at most 65,536",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_that_fit_no_input_are_refused(name: str) -> None:
    """Before anything is shaped."""
    layer, pointer, message, expected = ARGUMENTS[name]
    with pytest.raises(InvalidDocument) as refused:
        parse_document({"input": STEPS, "layers": [layer]})
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.expected) == (pointer, expected)
    assert problem.message.endswith(message)


@pytest.mark.parametrize(
    ("shape", "target", "expected"),
    [([4, 3], [None, -1, 2], (6, 2)), ([4, 3], [None, 2, -1], (2, 6)), ([4, 6], [None, 2, -1, 3], (2, 4, 3))],
)
def test_the_free_length_of_a_reshape_is_inferred(
    shape: list[int], target: list[Any], expected: tuple[int, ...]
) -> None:
    """As NumPy infers it, for the plan and for the numbers."""
    layers = [{"type": "ops.reshape", "newshape": target}]
    made = build(expand(parse_document({"input": shape, "layers": layers})), 2**20)
    assert made.symbolic.shape("reshape") == (None, *expected)
    x = np.arange(2 * np.prod(shape), dtype="float32").reshape(2, *shape)
    (found,) = made.compiled_selection(("reshape",), False, False).run([x])
    np.testing.assert_array_equal(np.asarray(found), x.reshape(2, *target[1:]))


@pytest.mark.parametrize("initializer", ["Orthogonal", "Identity"])
def test_initializers_of_matrices_are_refused_for_vectors(initializer: str) -> None:
    """In Keras' words, once the weights are made."""
    layer = {"type": "Dense", "units": 2, "bias_initializer": initializer}
    network = expand(parse_document({"input": STEPS, "layers": [layer]}))
    with pytest.raises(InvalidDocument) as refused:
        build(network, 2**20)
    (problem,) = refused.value.problems
    assert problem.pointer == "/layers/0"
    assert problem.message.startswith("dense: Keras refuses this Dense: ")
