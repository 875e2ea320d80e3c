"""Symbolic networks: Keras' shapes without allocation, and weights that depend only on seed and address."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import keras
import numpy as np
import pytest
from keras.src.backend.common import global_state

from models.engine.build import BuiltModel, build
from models.engine.layer_checks import translating_errors
from models.engine.plan import parameter_bytes
from models.engine.shaping import declared_shapes, shape_network
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.weights import named_weights
from models.errors import InvalidDocument, Problem, TooLarge
from models.layers.sizes import Shape
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_document

Array = np.ndarray[Any, Any]
CONV: dict[str, Any] = {"type": "Conv2D", "filters": 4, "kernel_size": 3}
DENSE: dict[str, Any] = {"type": "Dense", "units": 3}
ENOUGH = 1 << 30


def network(*layers: Any, shape: Sequence[int | None] = (4,), **fields: Any) -> Network:
    """Expand the network of some layers."""
    return expand(parse_document({"input": list(shape), "layers": list(layers), **fields}))


def shape_layers(*layers: Any, **fields: Any) -> SymbolicNetwork:
    """Shape some layers with a free batch."""
    found = network(*layers, **fields)
    return shape_network(found, declared_shapes(found))


def weights(*layers: Any, **fields: Any) -> dict[str, Array]:
    """Build it and return the weights by path and name."""
    return weights_of(build(network(*layers, **fields), ENOUGH))


def weights_of(model: BuiltModel) -> dict[str, Array]:
    """Return a built model's weights by path and name."""
    return {
        f"{path}/{name}": variable.numpy()
        for path, layer in model.symbolic.layers.items()
        for name, variable in named_weights(layer)
    }


def equal(one: dict[str, Array], other: dict[str, Array]) -> bool:
    """Whether two sets of weights have the same bits and names."""
    same = [name in other and value.tobytes() == other[name].tobytes() for name, value in one.items()]
    return len(one) == len(other) and all(same)


def refusal(*layers: Any, **fields: Any) -> Problem:
    """Return the only problem of a network whose shapes are invalid."""
    with pytest.raises(InvalidDocument) as refused:
        shape_layers(*layers, **fields)
    (only,) = refused.value.problems
    return only


def sequential(shape: Sequence[int | None], *layers: keras.Layer) -> list[Shape]:
    """Return the shapes that Keras computes for a chain."""
    tensor, shapes = keras.Input(shape), []
    for layer in layers:
        tensor = layer(tensor)
        shapes.append(tuple(tensor.shape))
    return shapes


def test_shapes_of_a_chain_match_keras() -> None:
    """Convolution, pooling, flattening and a dense layer, with a free batch."""
    found = shape_layers(
        {**CONV, "padding": "same"}, {"type": "MaxPooling2D"}, {**CONV, "strides": 2}, {"type": "Flatten"}, DENSE,
        shape=(29, 30, 1),
    )  # fmt: skip
    expected = sequential(
        (29, 30, 1), keras.layers.Conv2D(4, 3, padding="same"), keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(4, 3, strides=2), keras.layers.Flatten(), keras.layers.Dense(3),
    )  # fmt: skip
    assert [found.shape(node.address) for node in found.network.nodes] == expected


def test_shapes_of_free_lengths_match_keras() -> None:
    """They remain free where Keras leaves them free."""
    found = shape_layers(CONV, {"type": "GlobalAveragePooling2D"}, shape=(None, None, 3))
    assert [found.shape(node.address) for node in found.network.nodes] == sequential(
        (None, None, 3), keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()
    )


def test_a_residual_network_matches_keras() -> None:
    """In shapes and number of parameters."""
    made = build(
        network({**DENSE, "name": "a"}, {**DENSE, "inputs": ["a"]}, {"type": "Add", "inputs": ["a", "dense"]}), ENOUGH
    )
    x = keras.Input((4,))
    a = keras.layers.Dense(3)(x)
    reference = keras.Model(x, keras.layers.Add()([a, keras.layers.Dense(3)(a)]))
    assert made.symbolic.shape("add") == reference.output.shape
    assert made.parameters == reference.count_params()


def test_shapes_of_several_outputs_match_keras() -> None:
    """A sequence and two states."""
    found = shape_layers({"type": "LSTM", "units": 5, "return_sequences": True, "return_state": True}, shape=(7, 3))
    expected = keras.layers.LSTM(5, return_sequences=True, return_state=True)(keras.Input((7, 3)))
    assert [found.shape(f"lstm#{n}") for n in range(3)] == [tensor.shape for tensor in expected]


def test_dtypes_match_keras() -> None:
    """Integer inputs are cast by the layer; a layer's dtype is its output's."""
    found = shape_layers({"type": "Identity"}, {**DENSE, "dtype": "float16"}, {**DENSE, "dtype": "mixed_bfloat16"})
    assert [found.dtype(address) for address in ("input", "dense", "dense_1")] == ["float32", "float16", "bfloat16"]
    ids = {"input": {"shape": [6], "dtype": "int32"}}
    embedding = network({"type": "Embedding", "input_dim": 9, "output_dim": 2}, **ids)
    assert shape_network(embedding, declared_shapes(embedding)).dtype("embedding") == "float32"
    assert shape_network(embedding, declared_shapes(embedding)).dtype("input") == "int32"


def test_shapes_for_a_batch() -> None:
    """An symbolic is reused for every batch size, with the bytes of each tensor."""
    found = shape_layers(CONV, shape=(8, 8, 1))
    assert found.shape("conv2d") == (None, 6, 6, 4)
    assert found.on_batch(5).shape("conv2d") == (5, 6, 6, 4)
    assert found.on_batch(5).nbytes("conv2d") == 5 * 6 * 6 * 4 * 4
    assert found.nbytes("conv2d") == 6 * 6 * 4 * 4


def test_calls_of_a_layer_share_weights() -> None:
    """Their shapes may differ."""
    twice = {"type": "Conv2D", "filters": 2, "kernel_size": 3, "name": "s", "calls": [["big"], ["small"]]}
    found = network(twice, input={"big": [9, 9, 1], "small": [5, 5, 1]})
    made = shape_network(found, declared_shapes(found))
    assert (made.shape("s@0"), made.shape("s@1")) == ((None, 7, 7, 2), (None, 3, 3, 2))
    assert list(made.layers) == ["s"]


def test_internal_names_are_canonical() -> None:
    """Keras never forgets automatic names, and does not accept all characters."""
    made = build(network({**DENSE, "name": "name with spaces and ü"}, {**DENSE, "name": "keras"}), ENOUGH)
    assert [layer.name for layer in made.symbolic.layers.values()] == ["l0", "l1"]
    assert list(weights_of(made)) == [
        "name with spaces and ü/kernel", "name with spaces and ü/bias", "keras/kernel", "keras/bias",
    ]  # fmt: skip


def test_a_trillion_parameters_take_no_memory() -> None:
    """Three layers of 2**20 by 2**20 are shaped without leaving uninitialized variables in Keras."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = shape_layers(*[{"type": "Dense", "units": 2**20}] * 3, shape=(2**20,))
    assert parameter_bytes(found) == 3 * (2**40 + 2**20) * 4
    assert found.shape("dense_2") == (None, 2**20)
    assert all(variable._value is None for layer in found.layers.values() for variable in layer.variables)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes
    assert global_state.get_global_attribute("uninitialized_variables") == []


def test_building_an_oversized_model_is_rejected() -> None:
    """Before allocation, with both sizes."""
    with pytest.raises(TooLarge) as refused:
        build(network({"type": "Dense", "units": 2**20}, shape=(2**20,)), ENOUGH)
    (problem,) = refused.value.problems
    assert (problem.expected, problem.received) == (
        "at most 1,073,741,824 bytes", f"{(2**40 + 2**20) * 4:,} bytes",
    )  # fmt: skip
    assert global_state.get_global_attribute("uninitialized_variables") == []


def test_a_rejected_network_leaves_no_state_in_keras() -> None:
    """Also when outlining fails in the middle."""
    refusal(CONV, CONV, {"type": "Reshape", "target_shape": [7]}, shape=(8, 8, 1))
    assert global_state.get_global_attribute("uninitialized_variables") == []
    assert keras.Variable(1.0).numpy() == 1.0


@pytest.mark.parametrize(
    ("layers", "shape", "pointer", "words"),
    [
        ([CONV], (28, 28), "/layers/0", "conv2d: Conv2D cannot read an input with 3 axes"),
        ([DENSE, {**CONV, "kernel_size": 9}], (8, 8, 1), "/layers/1/kernel_size", "larger than the input"),
        ([{"type": "Cropping2D", "cropping": 4}], (8, 8, 1), "/layers/0", "cropping2d: "),
        ([{"type": "Block", "layers": [DENSE, {"type": "Reshape", "target_shape": [7]}]}], (4,),
         "/layers/0/layers/1", "block/reshape: "),
        ([{"type": "ReLU"}], (2**24, 2**24), "/layers/0", "any machine could hold"),
        ([{"type": "ConvLSTM2D", "filters": 1, "kernel_size": 1}], (None, 8, None, 1), "/layers/0", "conv_lstm2d: "),
    ],
)  # fmt: skip
def test_invalid_shapes_are_rejected_at_the_layer(
    layers: list[Any], shape: Sequence[int | None], pointer: str, words: str
) -> None:
    """By own checks or Keras' message, with the document's names instead of internal ones."""
    found = refusal(*layers, shape=shape)
    assert found.pointer.startswith(pointer)
    assert words in found.message
    assert not any(f"l{n}" in found.message.split() for n in range(3))


def test_keras_messages_use_the_names_of_the_document() -> None:
    """On one line, without location, colors, argument list and internal names."""
    node = network({**DENSE, "name": "last"}).nodes[0]
    said = "\x1b[1mThe weights of l0\n  do not match.\x1b[0m"
    text = f"Exception encountered when calling Dense.call().\n\n{said}\n\nArguments received by Dense.call():\n  1"
    with pytest.raises(InvalidDocument) as refused, translating_errors(node):
        raise ValueError(text)
    message = "last: Keras refuses this Dense: The weights of last do not match."
    assert refused.value.problems == (Problem("/layers/0", message),)


def test_weights_are_deterministic() -> None:
    """To the bit, independent of earlier builds and global seeds."""
    layers = [CONV, {"type": "BatchNormalization"}, {"type": "Flatten"}, DENSE]
    first = weights(*layers, shape=(8, 8, 1))
    keras.utils.set_random_seed(7)
    weights(DENSE)
    assert equal(weights(*layers, shape=(8, 8, 1)), first)
    assert list(first) == [
        "conv2d/kernel", "conv2d/bias", "batch_normalization/gamma", "batch_normalization/beta",
        "batch_normalization/moving_mean", "batch_normalization/moving_variance", "dense/kernel", "dense/bias",
    ]  # fmt: skip


def test_weights_depend_on_the_seed() -> None:
    """Equal seeds give equal weights."""
    assert not equal(weights(DENSE, seed=1), weights(DENSE))
    assert equal(weights(DENSE, seed=0), weights(DENSE))


def test_weights_depend_on_the_address_only() -> None:
    """Not on other layers and their order."""
    alone = weights({**DENSE, "name": "d"})
    among = weights({**DENSE, "name": "other"}, {**DENSE, "name": "d", "inputs": ["input"]})
    assert among["d/kernel"].tobytes() == alone["d/kernel"].tobytes()


def test_the_derivation_of_seeds_is_stable() -> None:
    """sha256(seed, path, position): a change would change every model's weights."""
    digest = sha256(b"5\0block/dense\0" + b"0").digest()
    initializer = keras.initializers.GlorotUniform(seed=int.from_bytes(digest[:4], "big") % (2**31 - 1))
    made = weights({"type": "Block", "layers": [DENSE]}, seed=5)
    np.testing.assert_array_equal(made["block/dense/kernel"], initializer((4, 3)))


def test_weights_of_different_layers_differ() -> None:
    """Although their shapes are equal."""
    made = weights(DENSE, {**DENSE, "inputs": ["input"]})
    assert made["dense/kernel"].tobytes() != made["dense_1/kernel"].tobytes()


def test_weights_within_a_layer_differ() -> None:
    """Query, key and value of an attention layer."""
    attention = {"type": "MultiHeadAttention", "num_heads": 2, "key_dim": 4, "inputs": ["input", "input"]}
    made = weights(attention, shape=(5, 8))
    kernels = [made[f"multi_head_attention/{part}/kernel"].tobytes() for part in ("query", "key", "value")]
    assert len(set(kernels)) == 3


def test_weights_of_both_directions_differ() -> None:
    """The forward and the backward layer of a Bidirectional."""
    made = weights({"type": "Bidirectional", "layer": {"type": "GRU", "units": 3}}, shape=(5, 2))
    for name in ("kernel", "recurrent_kernel"):
        forward, backward = (made[f"bidirectional/{way}_gru/gru_cell/{name}"] for way in ("forward", "backward"))
        assert forward.tobytes() != backward.tobytes()


def test_weights_within_a_cell_differ() -> None:
    """Also where shapes are equal."""
    made = weights({"type": "SimpleRNN", "units": 3, "recurrent_initializer": "glorot_uniform"}, shape=(5, 3))
    kernel, recurrent = (made[f"simple_rnn/simple_rnn_cell/{name}"] for name in ("kernel", "recurrent_kernel"))
    assert kernel.shape == recurrent.shape
    assert kernel.tobytes() != recurrent.tobytes()


@pytest.mark.parametrize(
    ("written", "initializer"),
    [
        ({"type": "HeNormal", "seed": 7}, keras.initializers.HeNormal(seed=7)),
        ({"type": "RandomUniform", "minval": -2, "maxval": 3, "seed": 0},
         keras.initializers.RandomUniform(-2, 3, seed=0)),
        ({"type": "Orthogonal", "gain": 2, "seed": 3}, keras.initializers.Orthogonal(2, seed=3)),
        ({"type": "Constant", "value": 0.25}, keras.initializers.Constant(0.25)),
        ("ones", keras.initializers.Ones()),
    ],
)  # fmt: skip
def test_an_explicit_seed_gives_the_values_of_keras(written: Any, initializer: Any) -> None:
    """Whatever the layer's address and the document's seed."""
    layer = {**DENSE, "kernel_initializer": written}
    made = weights(layer, {**layer, "inputs": ["input"]}, seed=99)
    for name in ("dense", "dense_1"):
        np.testing.assert_array_equal(made[f"{name}/kernel"], initializer((4, 3)))


def test_calls_of_a_block_share_weights() -> None:
    """They are drawn once, from the path without the number of the call."""
    block = {"type": "Block", "name": "b", "layers": [DENSE]}
    shared = weights({**block, "calls": [["input"], ["input"]]})
    assert equal(shared, weights(block))
    assert list(shared) == ["b/dense/kernel", "b/dense/bias"]


def test_every_variable_is_initialized_by_the_build() -> None:
    """Including the states of random number generators."""
    made = build(network({"type": "Dropout", "rate": 0.5}, DENSE, {"type": "GaussianNoise", "stddev": 1}), ENOUGH)
    assert all(variable._value is not None for layer in made.symbolic.layers.values() for variable in layer.variables)
