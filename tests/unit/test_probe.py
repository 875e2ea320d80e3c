"""Probes: the values of a selection, bit for bit repeatable, and a model that no run changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from models.engine.arrays import as_bytes
from models.engine.build import MAX_PROBES, BuiltModel, build
from models.engine.compiled_selection import CompiledSelection
from models.engine.selected import SelectionPlan
from models.engine.symbolic_network import declared_shapes, outline
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


def built(*layers: Any, shape: Sequence[int | None] = (4,), **fields: Any) -> BuiltModel:
    """A model of some layers."""
    return build(expand(parse_document({"input": list(shape), "layers": list(layers), **fields})), ENOUGH)


def run(model: BuiltModel, outputs: Sequence[str], *inputs: Array, training: bool = False) -> list[Array]:
    """The tensors of a selection."""
    return [tensor.numpy() for tensor in model.probe(outputs, training, updates=False).run(inputs)]


def variables(model: BuiltModel) -> list[bytes]:
    """Every variable's bits, the states of random number generators included."""
    return [variable.numpy().tobytes() for layer in model.outline.layers.values() for variable in layer.variables]


def test_every_layer_computes_what_keras_does() -> None:
    """The same layers with the same weights, layer by layer."""
    model = built(*CNN, shape=(8, 8, 1))
    addresses = [node.address for node in model.network.nodes]
    x = keras.Input((8, 8, 1))
    layers = [
        keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.BatchNormalization(), keras.layers.MaxPooling2D(),
        keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax"),
    ]  # fmt: skip
    tensors = [x]
    for layer, ours in zip(layers, model.outline.layers.values(), strict=True):
        tensors.append(layer(tensors[-1]))
        layer.set_weights(ours.get_weights())
    expected = keras.Model(x, tensors[1:])(IMAGES)
    for address, ours, theirs in zip(addresses, run(model, addresses, IMAGES), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6, err_msg=address)


def test_tensors_come_in_the_order_asked_for() -> None:
    """Inputs can be among them."""
    model = built(DENSE, {"type": "ReLU"})
    relu, given, dense = run(model, ["re_lu", "input", "dense"], ROWS)
    np.testing.assert_array_equal(given, ROWS)
    np.testing.assert_array_equal(relu, np.maximum(dense, 0))


def test_inputs_are_taken_in_the_order_of_their_declaration() -> None:
    """Not in that of their use."""
    inputs = {"b": [4], "a": [4]}
    model = built({"type": "Subtract", "inputs": ["a", "b"]}, input=inputs)
    (difference,) = run(model, ["subtract"], ROWS, 2 * ROWS)
    np.testing.assert_array_equal(difference, ROWS)


def test_the_same_request_gives_the_same_bits() -> None:
    """Twice on one model, and on the same model built again."""
    one, other = built(*CNN, shape=(8, 8, 1)), built(*CNN, shape=(8, 8, 1))
    first = run(one, ["dense"], IMAGES)[0].tobytes()
    assert run(one, ["dense"], IMAGES)[0].tobytes() == run(other, ["dense"], IMAGES)[0].tobytes() == first


def test_one_function_serves_every_batch() -> None:
    """The batch is free; each row is what it is alone, to a tolerance."""
    model = built(*CNN, shape=(8, 8, 1))
    (together,) = run(model, ["dense"], IMAGES)
    for row in range(len(IMAGES)):
        (alone,) = run(model, ["dense"], IMAGES[row : row + 1])
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-5, atol=1e-6)
    assert len(model.probes) == 1


@pytest.mark.parametrize("batch", [1, 3])
def test_broadcasting_is_numpys_at_every_batch(batch: int) -> None:
    """TensorFlow gets (8, 8) + (8, 1) wrong when it knows that the batch is one."""
    model = built({"type": "Add"}, input={"left": [8, 8], "right": [8, 1]})
    left, right = np.random.default_rng(2).random((2, batch, 8, 8), np.float32)
    (total,) = run(model, ["add"], left, right[..., :1])
    np.testing.assert_array_equal(total, left + right[..., :1])


def test_before_the_activation_is_the_layer_without_it() -> None:
    """The bits of the same layer, with the same weights and no activation."""
    model, without = built(CONV, shape=(8, 8, 1)), built({**CONV, "activation": None}, shape=(8, 8, 1))
    before, after = run(model, ["conv2d:pre", "conv2d"], IMAGES)
    np.testing.assert_array_equal(before, run(without, ["conv2d"], IMAGES)[0])
    np.testing.assert_array_equal(after, np.maximum(before, 0))
    assert before.min() < 0


def test_before_the_activation_can_be_asked_for_alone() -> None:
    """Without the layer itself."""
    model = built({**DENSE, "activation": "tanh"})
    (before,) = run(model, ["dense:pre"], ROWS)
    np.testing.assert_allclose(run(model, ["dense"], ROWS)[0], np.tanh(before), rtol=1e-6)


def test_each_call_of_a_shared_layer_has_its_own_value() -> None:
    """Also before its activation; with one set of weights."""
    layer = {**DENSE, "name": "s", "activation": "relu", "calls": [["left"], ["right"]]}
    model = built(layer, input={"left": [4], "right": [4]})
    outputs = ["s@0", "s@1", "s@0:pre", "s@1:pre"]
    left, right, left_before, right_before = run(model, outputs, ROWS, ROWS - 1)
    kernel, bias = (variable.numpy() for variable in model.outline.layers["s"].weights)
    for before, after, value in ((left_before, left, ROWS), (right_before, right, ROWS - 1)):
        np.testing.assert_allclose(before, value @ kernel + bias, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(after, np.maximum(before, 0))
    assert not np.array_equal(left_before, right_before)


def test_each_call_of_a_shared_block_has_its_own_values() -> None:
    """Inside and out."""
    block = {"type": "Block", "name": "b", "layers": [DENSE], "calls": [["left"], ["right"]]}
    model = built(block, input={"left": [4], "right": [4]})
    inside_0, inside_1, block_1 = run(model, ["b@0/dense", "b@1/dense", "b@1"], ROWS, 2 * ROWS)
    np.testing.assert_allclose(inside_1, 2 * inside_0, rtol=1e-5)
    np.testing.assert_array_equal(block_1, inside_1)


def test_only_what_is_needed_is_computed() -> None:
    """The probe of the first layer holds no later one, nor branches that do not lead to it."""
    model = built(
        {**DENSE, "name": "a"}, {**DENSE, "name": "b"}, {**DENSE, "name": "c", "inputs": ["a"]},
        {"type": "Add", "inputs": ["a", "c"]},
    )  # fmt: skip
    needed = {
        address: [node.address for node in model.outline.needed([address])] for address in ("a", "c", "add", "input")
    }
    assert needed == {"a": ["a"], "c": ["a", "c"], "add": ["a", "c", "add"], "input": []}
    assert [node.address for node in model.outline.needed(["b", "c"])] == ["a", "b", "c"]
    captured = model.probe(["a"], training=False, updates=False)._compile()[0][1].captured
    assert len(captured) == len(model.outline.layers["a"].weights)


def test_layers_that_are_not_needed_cannot_fail() -> None:
    """An id that a later layer would refuse does no harm before it."""
    model = built({"type": "Identity"}, {"type": "Embedding", "input_dim": 10, "output_dim": 2})
    far = np.full((1, 4), 99, np.float32)
    np.testing.assert_array_equal(run(model, ["identity"], far)[0], far)
    with pytest.raises(InvalidTensor):
        run(model, ["embedding"], far)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("int32", -1), ("int32", 10), ("float32", 1.9), ("float32", np.nan), ("float32", np.inf), ("uint8", 255)],
)
def test_ids_outside_of_a_table_are_refused(dtype: str, value: float) -> None:
    """TensorFlow alone would take them for other rows; the layer and its range are named."""
    table = {"type": "Embedding", "input_dim": 10, "output_dim": 2}
    model = built({"type": "Identity"}, table, input={"shape": [4], "dtype": dtype})
    ids = np.zeros((2, 4), dtype)
    assert run(model, ["embedding"], ids)[0].shape == (2, 4, 2)
    ids[1, 3] = value
    for _ in range(20):  # the check comes before the look-up every time
        with pytest.raises(InvalidTensor) as refused:
            run(model, ["embedding"], ids)
        assert refused.value.problems == (
            Problem("/inputs", "embedding looks its input up in a table", "whole numbers from 0 to 9",
                    "a value that is not one of them"),
        )  # fmt: skip


def test_ids_outside_of_a_table_in_a_block() -> None:
    """The layer that applies the block is named, whatever the one inside is called."""
    table = {"type": "Embedding", "name": "ids below 7 for node 99999;", "input_dim": 5, "output_dim": 2}
    block = {"type": "TimeDistributed", "layer": {"type": "Block", "layers": [table]}}
    model = built({"type": "Identity"}, block, input={"shape": [3, 2], "dtype": "int32"})
    for _ in range(2):
        with pytest.raises(InvalidTensor) as refused:
            run(model, ["time_distributed"], np.full((1, 3, 2), 9, "int32"))
        (found,) = refused.value.problems
        assert found.message == "time_distributed looks its input up in a table"
        assert found.expected == "whole numbers from 0 to 4"


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint64", "float16", "bfloat16", "float64"])
def test_ids_of_every_dtype_are_looked_up(dtype: str) -> None:
    """Also where the table is longer than the dtype can count."""
    table = {"type": "Embedding", "input_dim": 100_001, "output_dim": 2}
    model = built(table, input={"shape": [3], "dtype": dtype})
    ids = np.array([[0, 1, 100]], getattr(ml_dtypes, dtype, dtype))
    (rows,) = (variable.numpy() for variable in model.outline.layers["embedding"].weights)
    np.testing.assert_array_equal(run(model, ["embedding"], ids)[0], rows[[[0, 1, 100]]])


TRAINING = [
    {"type": "BatchNormalization"}, {"type": "Dropout", "rate": 0.5}, {"type": "GaussianNoise", "stddev": 1.0}, DENSE,
]  # fmt: skip


def test_training_leaves_the_model_as_it_is() -> None:
    """Every variable keeps its bits: moving statistics, and the states of random number generators."""
    model = built(*TRAINING)
    before, inference = variables(model), run(model, ["dense"], ROWS)[0]
    training = run(model, ["dense"], ROWS, training=True)[0]
    assert variables(model) == before
    assert not np.array_equal(training, inference)
    np.testing.assert_array_equal(run(model, ["dense"], ROWS)[0], inference)


def test_training_can_be_repeated() -> None:
    """The same request draws the same numbers, on this model and on another of the same document."""
    model, again = built(*TRAINING), built(*TRAINING)
    first = run(model, ["dropout"], ROWS, training=True)[0]
    np.testing.assert_array_equal(run(model, ["dropout"], ROWS, training=True)[0], first)
    np.testing.assert_array_equal(run(again, ["dropout"], ROWS, training=True)[0], first)


def test_layers_draw_numbers_of_their_own() -> None:
    """Two dropouts do not drop the same elements, and another seed drops others."""
    drop = {"type": "Dropout", "rate": 0.5}
    ones = np.ones((1, 256), np.float32)
    layers = [drop, {**drop, "inputs": ["input"]}]
    one, other = run(built(*layers, shape=(256,)), ["dropout", "dropout_1"], ones, training=True)
    reseeded, _ = run(built(*layers, shape=(256,), seed=1), ["dropout", "dropout_1"], ones, training=True)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, reseeded)
    assert {*np.unique(one)} == {0, 2}


def test_training_normalizes_with_the_batch_and_reports_what_moved() -> None:
    """As in Keras: momentum 0.99 of the old, 0.01 of the batch."""
    model = built({"type": "BatchNormalization", "epsilon": 0.0})
    before = variables(model)
    probe = model.probe(["batch_normalization"], training=True, updates=True)
    output, mean, variance = (tensor.numpy() for tensor in probe.run([ROWS]))
    np.testing.assert_allclose(output, (ROWS - ROWS.mean(0)) / ROWS.std(0), rtol=1e-4, atol=1e-5)
    assert [variable.path.rpartition("/")[2] for variable in probe.updated] == ["moving_mean", "moving_variance"]
    np.testing.assert_allclose(mean, 0.01 * ROWS.mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.99 + 0.01 * ROWS.var(0), rtol=1e-5)
    assert variables(model) == before


def test_training_moves_only_what_is_needed() -> None:
    """A layer after the selection is not run, so its statistics are not reported either."""
    norm = {"type": "BatchNormalization"}
    probe = built(norm, norm).probe(["batch_normalization"], training=True, updates=True)
    assert len(probe.updated) == len(probe.run([ROWS])) - 1 == 2


def test_what_cannot_be_repeated_is_refused_in_training_mode() -> None:
    """Numbers that no seed fixes would make a reply that nobody gets again."""
    layer = {"type": "AugMix", "value_range": [0, 1]}
    model = built(layer, shape=(8, 8, 3))
    with pytest.raises(InvalidOption) as refused:
        model.probe(["aug_mix"], training=True, updates=False)
    assert refused.value.problems[0].pointer == "/training"
    pictures = np.random.default_rng(0).random((1, 8, 8, 3), np.float32)
    np.testing.assert_array_equal(run(model, ["aug_mix"], pictures)[0], pictures)


def test_compiled_functions_are_kept_and_bounded() -> None:
    """One a selection and mode; the one that was used longest ago goes first."""
    model = built(*[{"type": "ReLU"}] * (MAX_PROBES + 1), shape=(2,))
    first, second, *others = [node.address for node in model.network.nodes]

    def probe(address: str, training: bool = False) -> CompiledSelection:
        return model.probe([address], training, updates=False)

    kept, dropped = probe(first), probe(second)
    for address in others[:-1]:
        probe(address)
    assert probe(first) is kept
    probe(others[-1])
    assert len(model.probes) == MAX_PROBES
    assert probe(first) is kept
    assert probe(first, training=True) is not kept
    assert probe(second) is not dropped


@pytest.mark.parametrize(
    "result",
    [np.zeros((2, 4), np.float32), np.zeros((1, 3), np.float32), np.zeros((2, 3), np.float64), np.zeros(2, np.float32)],
)
def test_results_that_are_not_the_planned_ones_are_never_sent(result: Array) -> None:
    """TensorFlow may return memory that it never wrote; a wrong shape or dtype is how that shows."""
    network = expand(parse_document({"input": [4], "layers": [DENSE]}))
    selected = SelectionPlan(outline(network, declared_shapes(network)).on_batch(2), ("dense",))
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
def test_bytes_of_a_tensor_are_its_own(array: Array) -> None:
    """Every bit, for every dtype, in C order."""
    data = as_bytes(tf.constant(array))
    assert (data.format, data.ndim, bytes(data)) == ("B", 1, array.tobytes())


def test_bytes_of_a_tensor_are_not_a_copy() -> None:
    """They lie where TensorFlow has them."""
    tensor = tf.random.normal((1000,))
    assert np.frombuffer(as_bytes(tensor), np.float32).ctypes.data == np.asarray(memoryview(tensor)).ctypes.data


def test_a_probe_is_quiet_about_tensors_nobody_asked_for() -> None:
    """Exactly the selection comes back."""
    model = built(*CNN, shape=(8, 8, 1))
    assert len(CompiledSelection(model.outline, ["dense"], training=False, updates=False).run([IMAGES])) == 1
    assert len(CompiledSelection(model.outline, ["dense"], training=True, updates=False).run([IMAGES])) == 1
