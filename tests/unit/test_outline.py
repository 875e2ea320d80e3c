"""Outlines: Keras' own shapes without memory, and weights that follow from seed and address alone."""

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
from models.engine.plan import parameter_bytes
from models.engine.refusals import refusing
from models.engine.symbolic_network import SymbolicNetwork, declared_shapes, outline
from models.engine.weights import named_weights
from models.errors import InvalidDocument, Problem, TooLarge
from models.layers.layer import Shape
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_document

Array = np.ndarray[Any, Any]
CONV: dict[str, Any] = {"type": "Conv2D", "filters": 4, "kernel_size": 3}
DENSE: dict[str, Any] = {"type": "Dense", "units": 3}
ENOUGH = 1 << 30


def network(*layers: Any, shape: Sequence[int | None] = (4,), **fields: Any) -> Network:
    """The network of some layers."""
    return expand(parse_document({"input": list(shape), "layers": list(layers), **fields}))


def outlined(*layers: Any, **fields: Any) -> SymbolicNetwork:
    """Its outline on a free batch."""
    found = network(*layers, **fields)
    return outline(found, declared_shapes(found))


def weights(*layers: Any, **fields: Any) -> dict[str, Array]:
    """The weights that it is built with, by path and name."""
    return weights_of(build(network(*layers, **fields), ENOUGH))


def weights_of(model: BuiltModel) -> dict[str, Array]:
    """A built model's weights, by path and name."""
    return {
        f"{path}/{name}": variable.numpy()
        for path, layer in model.outline.layers.items()
        for name, variable in named_weights(layer)
    }


def equal(one: dict[str, Array], other: dict[str, Array]) -> bool:
    """Whether two sets of weights are the same bits under the same names."""
    same = [name in other and value.tobytes() == other[name].tobytes() for name, value in one.items()]
    return len(one) == len(other) and all(same)


def refusal(*layers: Any, **fields: Any) -> Problem:
    """The one problem of a network that cannot be shaped."""
    with pytest.raises(InvalidDocument) as refused:
        outlined(*layers, **fields)
    (only,) = refused.value.problems
    return only


def sequential(shape: Sequence[int | None], *layers: keras.Layer) -> list[Shape]:
    """The shapes that Keras computes for a chain."""
    tensor, shapes = keras.Input(shape), []
    for layer in layers:
        tensor = layer(tensor)
        shapes.append(tuple(tensor.shape))
    return shapes


def test_a_chain_has_keras_shapes() -> None:
    """Convolution, pooling, flattening, a dense layer: with the batch free."""
    found = outlined(
        {**CONV, "padding": "same"}, {"type": "MaxPooling2D"}, {**CONV, "strides": 2}, {"type": "Flatten"}, DENSE,
        shape=(29, 30, 1),
    )  # fmt: skip
    expected = sequential(
        (29, 30, 1), keras.layers.Conv2D(4, 3, padding="same"), keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(4, 3, strides=2), keras.layers.Flatten(), keras.layers.Dense(3),
    )  # fmt: skip
    assert [found.shape(node.address) for node in found.network.nodes] == expected


def test_free_lengths_have_keras_shapes() -> None:
    """They stay free where Keras leaves them."""
    found = outlined(CONV, {"type": "GlobalAveragePooling2D"}, shape=(None, None, 3))
    assert [found.shape(node.address) for node in found.network.nodes] == sequential(
        (None, None, 3), keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()
    )


def test_a_residual_network_has_keras_shapes_and_weights() -> None:
    """Branches, a merge, and the number of parameters of the model that Keras would build."""
    made = build(
        network({**DENSE, "name": "a"}, {**DENSE, "inputs": ["a"]}, {"type": "Add", "inputs": ["a", "dense"]}), ENOUGH
    )
    x = keras.Input((4,))
    a = keras.layers.Dense(3)(x)
    reference = keras.Model(x, keras.layers.Add()([a, keras.layers.Dense(3)(a)]))
    assert made.outline.shape("add") == reference.output.shape
    assert made.parameters == reference.count_params()


def test_several_outputs_have_keras_shapes() -> None:
    """A sequence and two states."""
    found = outlined({"type": "LSTM", "units": 5, "return_sequences": True, "return_state": True}, shape=(7, 3))
    expected = keras.layers.LSTM(5, return_sequences=True, return_state=True)(keras.Input((7, 3)))
    assert [found.shape(f"lstm#{n}") for n in range(3)] == [tensor.shape for tensor in expected]


def test_dtypes_are_kerass() -> None:
    """An integer input stays one until a layer makes it a float; a layer's dtype is its output's."""
    found = outlined({"type": "Identity"}, {**DENSE, "dtype": "float16"}, {**DENSE, "dtype": "mixed_bfloat16"})
    assert [found.dtype(address) for address in ("input", "dense", "dense_1")] == ["float32", "float16", "bfloat16"]
    ids = {"input": {"shape": [6], "dtype": "int32"}}
    embedding = network({"type": "Embedding", "input_dim": 9, "output_dim": 2}, **ids)
    assert outline(embedding, declared_shapes(embedding)).dtype("embedding") == "float32"
    assert outline(embedding, declared_shapes(embedding)).dtype("input") == "int32"


def test_shapes_on_a_batch() -> None:
    """A network that is shaped once is known for every batch, with the bytes of each tensor."""
    found = outlined(CONV, shape=(8, 8, 1))
    assert found.shape("conv2d") == (None, 6, 6, 4)
    assert found.on_batch(5).shape("conv2d") == (5, 6, 6, 4)
    assert found.on_batch(5).nbytes("conv2d") == 5 * 6 * 6 * 4 * 4
    assert found.nbytes("conv2d") == 6 * 6 * 4 * 4


def test_calls_of_one_layer_are_one_layer() -> None:
    """Shared weights, shapes of their own."""
    twice = {"type": "Conv2D", "filters": 2, "kernel_size": 3, "name": "s", "calls": [["big"], ["small"]]}
    found = network(twice, input={"big": [9, 9, 1], "small": [5, 5, 1]})
    made = outline(found, declared_shapes(found))
    assert (made.shape("s@0"), made.shape("s@1")) == ((None, 7, 7, 2), (None, 3, 3, 2))
    assert list(made.layers) == ["s"]


def test_internal_names_are_canonical() -> None:
    """Whatever the document calls its layers: Keras keeps every automatic name for ever, and takes no odd ones."""
    made = build(network({**DENSE, "name": "name with spaces and ü"}, {**DENSE, "name": "keras"}), ENOUGH)
    assert [layer.name for layer in made.outline.layers.values()] == ["l0", "l1"]
    assert list(weights_of(made)) == [
        "name with spaces and ü/kernel", "name with spaces and ü/bias", "keras/kernel", "keras/bias",
    ]  # fmt: skip


def test_a_trillion_parameters_take_no_memory() -> None:
    """Three layers of 2**20 by 2**20 are shaped in no time, and nothing is left in Keras that it owes memory to."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = outlined(*[{"type": "Dense", "units": 2**20}] * 3, shape=(2**20,))
    assert parameter_bytes(found) == 3 * (2**40 + 2**20) * 4
    assert found.shape("dense_2") == (None, 2**20)
    assert all(variable._value is None for layer in found.layers.values() for variable in layer.variables)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes
    assert global_state.get_global_attribute("uninitialized_variables") == []


def test_building_what_is_too_large_is_refused_with_the_figures() -> None:
    """Before anything is allocated."""
    with pytest.raises(TooLarge) as refused:
        build(network({"type": "Dense", "units": 2**20}, shape=(2**20,)), ENOUGH)
    (problem,) = refused.value.problems
    assert (problem.expected, problem.received) == (
        "at most 1,073,741,824 bytes", f"{(2**40 + 2**20) * 4:,} bytes",
    )  # fmt: skip
    assert global_state.get_global_attribute("uninitialized_variables") == []


def test_a_refused_network_leaves_nothing_behind_in_keras() -> None:
    """Also when shaping stops in the middle."""
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
def test_what_cannot_be_shaped_is_refused_where_it_stands(
    layers: list[Any], shape: Sequence[int | None], pointer: str, words: str
) -> None:
    """By our own guards or in Keras' words, with the document's names and never the internal ones."""
    found = refusal(*layers, shape=shape)
    assert found.pointer.startswith(pointer)
    assert words in found.message
    assert not any(f"l{n}" in found.message.split() for n in range(3))


def test_keras_words_are_told_with_the_names_of_the_document() -> None:
    """On one line, without where it was and colours, the arguments it lists, and the name that the layer has inside."""
    node = network({**DENSE, "name": "last"}).nodes[0]
    said = "\x1b[1mThe weights of l0\n  do not match.\x1b[0m"
    text = f"Exception encountered when calling Dense.call().\n\n{said}\n\nArguments received by Dense.call():\n  1"
    with pytest.raises(InvalidDocument) as refused, refusing(node):
        raise ValueError(text)
    message = "last: Keras refuses this Dense: The weights of last do not match."
    assert refused.value.problems == (Problem("/layers/0", message),)


def test_weights_are_the_same_every_time() -> None:
    """To the bit, whatever has been built or seeded in between."""
    layers = [CONV, {"type": "BatchNormalization"}, {"type": "Flatten"}, DENSE]
    first = weights(*layers, shape=(8, 8, 1))
    keras.utils.set_random_seed(7)
    weights(DENSE)
    assert equal(weights(*layers, shape=(8, 8, 1)), first)
    assert list(first) == [
        "conv2d/kernel", "conv2d/bias", "batch_normalization/gamma", "batch_normalization/beta",
        "batch_normalization/moving_mean", "batch_normalization/moving_variance", "dense/kernel", "dense/bias",
    ]  # fmt: skip


def test_weights_follow_from_the_seed() -> None:
    """Another seed, other weights."""
    assert not equal(weights(DENSE, seed=1), weights(DENSE))
    assert equal(weights(DENSE, seed=0), weights(DENSE))


def test_weights_follow_from_the_address_alone() -> None:
    """What else is in the network, and in which order, does not enter."""
    alone = weights({**DENSE, "name": "d"})
    among = weights({**DENSE, "name": "other"}, {**DENSE, "name": "d", "inputs": ["input"]})
    assert among["d/kernel"].tobytes() == alone["d/kernel"].tobytes()


def test_the_formula_of_weights_is_fixed() -> None:
    """The initializer with the seed sha256(seed, path, position): a change would change every model's weights."""
    digest = sha256(b"5\0block/dense\0" + b"0").digest()
    initializer = keras.initializers.GlorotUniform(seed=int.from_bytes(digest[:4], "big") % (2**31 - 1))
    made = weights({"type": "Block", "layers": [DENSE]}, seed=5)
    np.testing.assert_array_equal(made["block/dense/kernel"], initializer((4, 3)))


def test_layers_differ() -> None:
    """Two layers of the same shape have different weights."""
    made = weights(DENSE, {**DENSE, "inputs": ["input"]})
    assert made["dense/kernel"].tobytes() != made["dense_1/kernel"].tobytes()


def test_variables_of_one_layer_differ() -> None:
    """Query, key and value of an attention layer do not start as one matrix."""
    attention = {"type": "MultiHeadAttention", "num_heads": 2, "key_dim": 4, "inputs": ["input", "input"]}
    made = weights(attention, shape=(5, 8))
    kernels = [made[f"multi_head_attention/{part}/kernel"].tobytes() for part in ("query", "key", "value")]
    assert len(set(kernels)) == 3


def test_directions_differ() -> None:
    """The forward and the backward layer of a Bidirectional are two."""
    made = weights({"type": "Bidirectional", "layer": {"type": "GRU", "units": 3}}, shape=(5, 2))
    for name in ("kernel", "recurrent_kernel"):
        forward, backward = (made[f"bidirectional/{way}_gru/gru_cell/{name}"] for way in ("forward", "backward"))
        assert forward.tobytes() != backward.tobytes()


def test_weights_inside_one_cell_differ() -> None:
    """Also where shapes agree."""
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
def test_a_seed_that_was_written_is_keras_own(written: Any, initializer: Any) -> None:
    """An initializer with its own seed gives what it gives in Keras, wherever it stands and whatever the document's."""
    layer = {**DENSE, "kernel_initializer": written}
    made = weights(layer, {**layer, "inputs": ["input"]}, seed=99)
    for name in ("dense", "dense_1"):
        np.testing.assert_array_equal(made[f"{name}/kernel"], initializer((4, 3)))


def test_calls_of_a_block_share_weights() -> None:
    """They are made once, from the path without the number of the call."""
    block = {"type": "Block", "name": "b", "layers": [DENSE]}
    shared = weights({**block, "calls": [["input"], ["input"]]})
    assert equal(shared, weights(block))
    assert list(shared) == ["b/dense/kernel", "b/dense/bias"]


def test_every_variable_has_a_value_once_built() -> None:
    """The states of random number generators included."""
    made = build(network({"type": "Dropout", "rate": 0.5}, DENSE, {"type": "GaussianNoise", "stddev": 1}), ENOUGH)
    assert all(variable._value is not None for layer in made.outline.layers.values() for variable in layer.variables)
