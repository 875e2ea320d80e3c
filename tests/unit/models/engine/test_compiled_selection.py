"""Compiled selections: the tensors of a selection, reproducible to the bit, without side effects on the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from models.engine.arrays import as_bytes
from models.engine.build import MAX_SELECTIONS, BuiltModel, build
from models.engine.compiled_selection import CompiledSelection
from models.engine.selection_plan import SelectionPlan
from models.engine.shaping import declared_shapes, shape_network
from models.errors import InvalidDocument, InvalidOption, InvalidTensor, Problem
from models.networks.expansion import expand
from models.reading.parse import parse_document

Array = np.ndarray[Any, Any]
ENOUGH = 1 << 30
CONV: dict[str, Any] = {"type": "Conv2D", "filters": 4, "kernel_size": 3, "activation": "relu"}
DENSE: dict[str, Any] = {"type": "Dense", "units": 3}
CNN = [CONV, {"type": "BatchNormalization"}, {"type": "MaxPooling2D"}, {"type": "Flatten"},
       {**DENSE, "activation": "softmax"}]  # fmt: skip
IMAGES = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
ROWS = np.random.default_rng(1).random((5, 4), np.float32)


def build_model(*layers: Any, shape: Sequence[int | None] = (4,), **fields: Any) -> BuiltModel:
    """Build a model of some layers."""
    return build(expand(parse_document({"input": list(shape), "layers": list(layers), **fields})), ENOUGH)


def run(model: BuiltModel, outputs: Sequence[str], *inputs: Array, training: bool = False) -> list[Array]:
    """Run a model and return the selected tensors."""
    return [tensor.numpy() for tensor in model.compiled_selection(outputs, training, updates=False).run(inputs)]


def variables(model: BuiltModel) -> list[bytes]:
    """Return every variable's bits, the states of random number generators included."""
    return [variable.numpy().tobytes() for layer in model.symbolic.layers.values() for variable in layer.variables]


def test_every_layer_matches_keras() -> None:
    """With the same weights, layer by layer."""
    model = build_model(*CNN, shape=(8, 8, 1))
    addresses = [node.address for node in model.network.nodes]
    x = keras.Input((8, 8, 1))
    layers = [
        keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.BatchNormalization(), keras.layers.MaxPooling2D(),
        keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax"),
    ]  # fmt: skip
    tensors = [x]
    for layer, ours in zip(layers, model.symbolic.layers.values(), strict=True):
        tensors.append(layer(tensors[-1]))
        layer.set_weights(ours.get_weights())
    expected = keras.Model(x, tensors[1:])(IMAGES)
    for address, ours, theirs in zip(addresses, run(model, addresses, IMAGES), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6, err_msg=address)


def test_tensors_are_in_the_order_of_the_selection() -> None:
    """Inputs may be selected too."""
    model = build_model(DENSE, {"type": "ReLU"})
    relu, given, dense = run(model, ["re_lu", "input", "dense"], ROWS)
    np.testing.assert_array_equal(given, ROWS)
    np.testing.assert_array_equal(relu, np.maximum(dense, 0))


def test_inputs_are_in_the_order_of_their_declaration() -> None:
    """Not of their use."""
    inputs = {"b": [4], "a": [4]}
    model = build_model({"type": "Subtract", "inputs": ["a", "b"]}, input=inputs)
    (difference,) = run(model, ["subtract"], ROWS, 2 * ROWS)
    np.testing.assert_array_equal(difference, ROWS)


def test_runs_are_deterministic() -> None:
    """Twice on one model, and on the same model built again."""
    one, other = build_model(*CNN, shape=(8, 8, 1)), build_model(*CNN, shape=(8, 8, 1))
    first = run(one, ["dense"], IMAGES)[0].tobytes()
    assert run(one, ["dense"], IMAGES)[0].tobytes() == run(other, ["dense"], IMAGES)[0].tobytes() == first


def test_one_function_serves_every_batch_size() -> None:
    """Each row equals that of a single run, within a tolerance."""
    model = build_model(*CNN, shape=(8, 8, 1))
    (together,) = run(model, ["dense"], IMAGES)
    for row in range(len(IMAGES)):
        (alone,) = run(model, ["dense"], IMAGES[row : row + 1])
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-5, atol=1e-6)
    assert len(model.compiled) == 1


@pytest.mark.parametrize("batch", [1, 3])
def test_broadcasting_matches_numpy_for_every_batch(batch: int) -> None:
    """TensorFlow computes (8, 8) + (8, 1) wrongly for a static batch of one."""
    model = build_model({"type": "Add"}, input={"left": [8, 8], "right": [8, 1]})
    left, right = np.random.default_rng(2).random((2, batch, 8, 8), np.float32)
    (total,) = run(model, ["add"], left, right[..., :1])
    np.testing.assert_array_equal(total, left + right[..., :1])


def test_pre_is_the_layer_without_its_activation() -> None:
    """To the bit, with the same weights."""
    model, without = build_model(CONV, shape=(8, 8, 1)), build_model({**CONV, "activation": None}, shape=(8, 8, 1))
    before, after = run(model, ["conv2d:pre", "conv2d"], IMAGES)
    np.testing.assert_array_equal(before, run(without, ["conv2d"], IMAGES)[0])
    np.testing.assert_array_equal(after, np.maximum(before, 0))
    assert before.min() < 0


def test_pre_can_be_selected_alone() -> None:
    """Without the layer itself."""
    model = build_model({**DENSE, "activation": "tanh"})
    (before,) = run(model, ["dense:pre"], ROWS)
    np.testing.assert_allclose(run(model, ["dense"], ROWS)[0], np.tanh(before), rtol=1e-6)


def test_calls_of_a_shared_layer_have_separate_values() -> None:
    """Also before the activation; the weights are shared."""
    layer = {**DENSE, "name": "s", "activation": "relu", "calls": [["left"], ["right"]]}
    model = build_model(layer, input={"left": [4], "right": [4]})
    outputs = ["s@0", "s@1", "s@0:pre", "s@1:pre"]
    left, right, left_before, right_before = run(model, outputs, ROWS, ROWS - 1)
    kernel, bias = (variable.numpy() for variable in model.symbolic.layers["s"].weights)
    for before, after, value in ((left_before, left, ROWS), (right_before, right, ROWS - 1)):
        np.testing.assert_allclose(before, value @ kernel + bias, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(after, np.maximum(before, 0))
    assert not np.array_equal(left_before, right_before)


def test_calls_of_a_shared_block_have_separate_values() -> None:
    """Of the block, and of the layers inside."""
    block = {"type": "Block", "name": "b", "layers": [DENSE], "calls": [["left"], ["right"]]}
    model = build_model(block, input={"left": [4], "right": [4]})
    inside_0, inside_1, block_1 = run(model, ["b@0/dense", "b@1/dense", "b@1"], ROWS, 2 * ROWS)
    np.testing.assert_allclose(inside_1, 2 * inside_0, rtol=1e-5)
    np.testing.assert_array_equal(block_1, inside_1)


def test_only_needed_layers_are_computed() -> None:
    """Not later layers, nor unrelated branches."""
    model = build_model(
        {**DENSE, "name": "a"}, {**DENSE, "name": "b"}, {**DENSE, "name": "c", "inputs": ["a"]},
        {"type": "Add", "inputs": ["a", "c"]},
    )  # fmt: skip
    needed = {
        address: [node.address for node in model.symbolic.needed([address])] for address in ("a", "c", "add", "input")
    }
    assert needed == {"a": ["a"], "c": ["a", "c"], "add": ["a", "c", "add"], "input": []}
    assert [node.address for node in model.symbolic.needed(["b", "c"])] == ["a", "b", "c"]
    captured = model.compiled_selection(["a"], training=False, updates=False)._compile()[0][1].captured
    assert len(captured) == len(model.symbolic.layers["a"].weights)


def test_layers_that_are_not_needed_cannot_fail() -> None:
    """An id out of range of a later layer is accepted."""
    model = build_model({"type": "Identity"}, {"type": "Embedding", "input_dim": 10, "output_dim": 2})
    far = np.full((1, 4), 99, np.float32)
    np.testing.assert_array_equal(run(model, ["identity"], far)[0], far)
    with pytest.raises(InvalidTensor):
        run(model, ["embedding"], far)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("int32", -1), ("int32", 10), ("float32", 1.9), ("float32", np.nan), ("float32", np.inf), ("uint8", 255)],
)
def test_ids_out_of_range_are_rejected(dtype: str, value: float) -> None:
    """TensorFlow alone would read other rows; the error contains the layer and its range."""
    table = {"type": "Embedding", "input_dim": 10, "output_dim": 2}
    model = build_model({"type": "Identity"}, table, input={"shape": [4], "dtype": dtype})
    ids = np.zeros((2, 4), dtype)
    assert run(model, ["embedding"], ids)[0].shape == (2, 4, 2)
    ids[1, 3] = value
    for _ in range(20):  # the check precedes the lookup every time
        with pytest.raises(InvalidTensor) as refused:
            run(model, ["embedding"], ids)
        assert refused.value.problems == (
            Problem("/inputs", "embedding looks its input up in a table", "whole numbers from 0 to 9",
                    "a value that is not one of them"),
        )  # fmt: skip


def test_ids_out_of_range_in_a_block_are_rejected() -> None:
    """The error names the layer that applies the block."""
    table = {"type": "Embedding", "name": "ids below 7 for node 99999;", "input_dim": 5, "output_dim": 2}
    block = {"type": "TimeDistributed", "layer": {"type": "Block", "layers": [table]}}
    model = build_model({"type": "Identity"}, block, input={"shape": [3, 2], "dtype": "int32"})
    for _ in range(2):
        with pytest.raises(InvalidTensor) as refused:
            run(model, ["time_distributed"], np.full((1, 3, 2), 9, "int32"))
        (found,) = refused.value.problems
        assert found.message == "time_distributed looks its input up in a table"
        assert found.expected == "whole numbers from 0 to 4"


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint64", "float16", "bfloat16", "float64"])
def test_ids_of_every_dtype_are_looked_up(dtype: str) -> None:
    """Also if the table is longer than the dtype's range."""
    table = {"type": "Embedding", "input_dim": 100_001, "output_dim": 2}
    model = build_model(table, input={"shape": [3], "dtype": dtype})
    ids = np.array([[0, 1, 100]], getattr(ml_dtypes, dtype, dtype))
    (rows,) = (variable.numpy() for variable in model.symbolic.layers["embedding"].weights)
    np.testing.assert_array_equal(run(model, ["embedding"], ids)[0], rows[[[0, 1, 100]]])


TRAINING = [
    {"type": "BatchNormalization"}, {"type": "Dropout", "rate": 0.5}, {"type": "GaussianNoise", "stddev": 1.0}, DENSE,
]  # fmt: skip


def test_training_does_not_change_the_model() -> None:
    """Neither moving statistics nor states of random number generators."""
    model = build_model(*TRAINING)
    before, inference = variables(model), run(model, ["dense"], ROWS)[0]
    training = run(model, ["dense"], ROWS, training=True)[0]
    assert variables(model) == before
    assert not np.array_equal(training, inference)
    np.testing.assert_array_equal(run(model, ["dense"], ROWS)[0], inference)


def test_training_is_deterministic() -> None:
    """On one model, and on the same model built again."""
    model, again = build_model(*TRAINING), build_model(*TRAINING)
    first = run(model, ["dropout"], ROWS, training=True)[0]
    np.testing.assert_array_equal(run(model, ["dropout"], ROWS, training=True)[0], first)
    np.testing.assert_array_equal(run(again, ["dropout"], ROWS, training=True)[0], first)


def test_layers_draw_independent_random_numbers() -> None:
    """Two dropouts drop different elements, and so does another seed."""
    drop = {"type": "Dropout", "rate": 0.5}
    ones = np.ones((1, 256), np.float32)
    layers = [drop, {**drop, "inputs": ["input"]}]
    one, other = run(build_model(*layers, shape=(256,)), ["dropout", "dropout_1"], ones, training=True)
    reseeded, _ = run(build_model(*layers, shape=(256,), seed=1), ["dropout", "dropout_1"], ones, training=True)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, reseeded)
    assert {*np.unique(one)} == {0, 2}


def test_training_uses_and_reports_batch_statistics() -> None:
    """As in Keras: 0.99 of the old moving statistics and 0.01 of the batch."""
    model = build_model({"type": "BatchNormalization", "epsilon": 0.0})
    before = variables(model)
    selection = model.compiled_selection(["batch_normalization"], training=True, updates=True)
    output, mean, variance = (tensor.numpy() for tensor in selection.run([ROWS]))
    np.testing.assert_allclose(output, (ROWS - ROWS.mean(0)) / ROWS.std(0), rtol=1e-4, atol=1e-5)
    assert [variable.path.rpartition("/")[2] for variable in selection.updated] == ["moving_mean", "moving_variance"]
    np.testing.assert_allclose(mean, 0.01 * ROWS.mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.99 + 0.01 * ROWS.var(0), rtol=1e-5)
    assert variables(model) == before


def test_only_needed_layers_report_statistics() -> None:
    """Layers after the selection are not run."""
    norm = {"type": "BatchNormalization"}
    selection = build_model(norm, norm).compiled_selection(["batch_normalization"], training=True, updates=True)
    assert len(selection.updated) == len(selection.run([ROWS])) - 1 == 2


def test_layers_that_are_not_reproducible_are_rejected_in_training() -> None:
    """They draw numbers without a seed."""
    layer = {"type": "AugMix", "value_range": [0, 1]}
    model = build_model(layer, shape=(8, 8, 3))
    with pytest.raises(InvalidOption) as refused:
        model.compiled_selection(["aug_mix"], training=True, updates=False)
    assert refused.value.problems[0].pointer == "/training"
    pictures = np.random.default_rng(0).random((1, 8, 8, 3), np.float32)
    np.testing.assert_array_equal(run(model, ["aug_mix"], pictures)[0], pictures)


def test_compiled_functions_are_cached_and_bounded() -> None:
    """One per selection and mode; the least recently used is evicted."""
    model = build_model(*[{"type": "ReLU"}] * (MAX_SELECTIONS + 1), shape=(2,))
    first, second, *others = [node.address for node in model.network.nodes]

    def compiled(address: str, training: bool = False) -> CompiledSelection:
        return model.compiled_selection([address], training, updates=False)

    kept, dropped = compiled(first), compiled(second)
    for address in others[:-1]:
        compiled(address)
    assert compiled(first) is kept
    compiled(others[-1])
    assert len(model.compiled) == MAX_SELECTIONS
    assert compiled(first) is kept
    assert compiled(first, training=True) is not kept
    assert compiled(second) is not dropped


@pytest.mark.parametrize(
    "result",
    [np.zeros((2, 4), np.float32), np.zeros((1, 3), np.float32), np.zeros((2, 3), np.float64), np.zeros(2, np.float32)],
)
def test_unplanned_results_are_rejected(result: Array) -> None:
    """A wrong shape or dtype reveals that TensorFlow returned uninitialized memory."""
    network = expand(parse_document({"input": [4], "layers": [DENSE]}))
    selected = SelectionPlan(shape_network(network, declared_shapes(network)).on_batch(2), ("dense",))
    ((row, array),) = selected.check_computed([np.zeros((2, 3), np.float32)])
    assert (row.info.name, array.shape) == ("dense", (2, 3))
    with pytest.raises(InvalidDocument, match="dense: Keras announces another output") as refused:
        list(selected.check_computed([result]))
    assert [problem.pointer for problem in refused.value.problems] == ["/layers/0"]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.array(3.5),
        np.zeros((0, 4), np.float32),
        np.array([np.nan, -0.0, np.inf], np.float16),
        np.array([1.5, -2], ml_dtypes.bfloat16),
        np.array([True, False]),
        np.array([2**63 - 1, -1]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_bytes_of_a_tensor_are_exact(array: Array) -> None:
    """Every bit, for every dtype, in C order."""
    data = as_bytes(tf.constant(array))
    assert (data.format, data.ndim, bytes(data)) == ("B", 1, array.tobytes())


def test_bytes_of_a_tensor_are_not_copied() -> None:
    """They are a view of TensorFlow's memory."""
    tensor = tf.random.normal((1000,))
    assert np.frombuffer(as_bytes(tensor), np.float32).ctypes.data == np.asarray(memoryview(tensor)).ctypes.data


def test_only_the_selection_is_returned() -> None:
    """In inference and in training mode."""
    model = build_model(*CNN, shape=(8, 8, 1))
    assert len(CompiledSelection(model.symbolic, ["dense"], training=False, updates=False).run([IMAGES])) == 1
    assert len(CompiledSelection(model.symbolic, ["dense"], training=True, updates=False).run([IMAGES])) == 1
