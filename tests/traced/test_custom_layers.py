"""Custom layers as blocks of what their `call` computes, with the weights that they own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

Agree = Callable[..., Any]


class Scaled(layers.Layer):
    """A projection of its own, a bias that is not trained, and the exponential of a scale."""

    def __init__(self, units: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.units = units

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight((shape[-1], self.units), name="kernel")
        self.shift = self.add_weight((self.units,), "ones", trainable=False, name="shift")
        self.scale = self.add_weight((), "random_normal", name="scale")

    def call(self, x: Any) -> Any:
        return ops.add(ops.matmul(x, self.kernel), self.shift) * ops.exp(self.scale)


class Unnamed(layers.Layer):
    """A weight without a name, which Keras then counts in the whole process."""

    def build(self, shape: Any) -> None:
        self.gamma = self.add_weight((shape[-1],), "random_normal")

    def call(self, x: Any) -> Any:
        return x * self.gamma


class Residual(layers.Layer):
    """Layers inside a layer, one of them custom, and its own weights, in a list."""

    def __init__(self, units: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.first = layers.Dense(units, activation="gelu")
        self.rest = [Scaled(units), layers.Dropout(0.5), layers.LayerNormalization()]

    def build(self, shape: Any) -> None:
        self.gates = [self.add_weight((shape[-1],), "random_normal", name=f"gate{n}") for n in range(2)]
        super().build(shape)

    def call(self, x: Any) -> Any:
        hidden = self.first(x) * self.gates[0]
        for layer in self.rest:
            hidden = layer(hidden)
        return hidden * self.gates[1] + x


def model(*steps: Any, shape: tuple[int | None, ...] = (6,), dtype: str = "float32") -> keras.Model:
    """Return a model of layers in turn."""
    x = first = keras.Input(shape, dtype=dtype, name="first")
    for step in steps:
        x = step(x)
    return keras.Model(first, x)


def test_a_layer_is_what_its_call_computes(agree: Agree, rows: Any) -> None:
    """With the weights that it added, trained or not."""
    served = agree(model(Scaled(3, name="scaled")), rows)
    block = served.block("scaled")
    assert block["class_name"] == "Scaled"
    assert [(name, one["shape"], one.get("trainable")) for name, one in block["weights"].items()] == [
        ("kernel", [6, 3], None), ("shift", [3], False), ("scale", [], None),
    ]  # fmt: skip
    assert [layer["type"] for layer in block["layers"]] == ["ops.matmul", "ops.add", "ops.exp", "ops.multiply"]
    assert list(served.weights) == ["scaled/kernel", "scaled/shift", "scaled/scale"]
    assert served.parameters() == 22


def test_weights_without_a_name_have_that_of_their_attribute(agree: Agree, rows: Any) -> None:
    """Whatever the process has counted so far."""
    served = agree(model(Unnamed(name="one"), Unnamed(name="other")), rows)
    assert list(served.weights) == ["one/gamma", "other/gamma"]


def test_layers_inside_have_the_names_of_attributes(agree: Agree, rows: Any) -> None:
    """Keras' own count all layers of the process; a name that its author gave stays."""
    served = agree(model(Residual(6), Residual(6, name="mine")), rows)
    inner = [layer["name"] for layer in served.block("mine")["layers"]]
    assert inner == ["first", "multiply", "rest_0", "rest_1", "rest_2", "multiply_1", "add"]
    assert "mine/rest_0/kernel" in served.weights


def test_everything_inside_has_an_address(agree: Agree, rows: Any) -> None:
    """The values are those that the layers compute when they are called by hand."""
    layer = Residual(6, name="mine")
    served = agree(model(layer), rows)
    arrays = served.run(rows)
    hidden = layer.first(rows) * layer.gates[0]
    np.testing.assert_array_equal(arrays["mine/first"], layer.first(rows))
    np.testing.assert_array_equal(arrays["mine/rest_0"], layer.rest[0](hidden))
    np.testing.assert_array_equal(arrays["mine/rest_0/matmul"], ops.matmul(hidden, layer.rest[0].kernel))
    assert {"mine/rest_2", "mine/multiply_1", "mine/add", "mine"} <= arrays.keys()


def test_calls_share_a_block(agree: Agree, rows: Any) -> None:
    """A layer that is called twice is one block with two calls, and its weights are counted once."""
    first, layer = keras.Input((6,)), Scaled(6, name="twice")
    served = agree(keras.Model(first, layer(layer(first) + 1)), rows)
    assert served.block("twice")["calls"] == [[served.document["layers"][0]["calls"][0][0]], ["add"]]
    assert served.parameters() == 43


def test_calls_that_compute_something_else_are_two_blocks(agree: Agree, rows: Any) -> None:
    """Here the number of axes decides, and both have a copy of the weights."""

    class ByRank(layers.Layer):
        def build(self, _: Any) -> None:
            self.scale = self.add_weight((6,), "random_normal", name="scale")

        def call(self, x: Any) -> Any:
            return ops.tanh(x * self.scale) if len(x.shape) == 2 else x + self.scale

    first, layer = keras.Input((6,)), ByRank(name="ranks")
    both = layer(ops.expand_dims(layer(first), 1))
    served = agree(keras.Model(first, both), rows)
    np.testing.assert_array_equal(served.weights["ranks/scale"], served.weights["ranks_1/scale"])


def test_lambdas_are_what_their_function_computes(agree: Agree, rows: Any) -> None:
    """Also of several tensors, and with a layer of the surroundings."""
    dense = layers.Dense(6)
    first = keras.Input((6,))
    both = layers.Lambda(lambda pair: pair[0] * ops.sigmoid(pair[1]), name="gate")([first, dense(first)])
    served = agree(keras.Model(first, layers.Lambda(lambda x: x[:, ::-1], name="turned")(both)), rows)
    assert served.block("gate")["input"] == ["input", "input_1"]
    assert served.block("turned")["layers"][0]["key"] == [{}, {"step": -1}]


def test_what_is_done_in_training_only_is_left_out(agree: Agree, rows: Any) -> None:
    """Random numbers, losses and assignments may stand there."""

    class Noisy(layers.Layer):
        def build(self, shape: Any) -> None:
            self.mean = self.add_weight((shape[-1],), "zeros", trainable=False, name="mean")

        def call(self, x: Any, training: bool = False) -> Any:
            if training:
                self.mean.assign(ops.mean(x, axis=0))
                x = x + keras.random.normal(ops.shape(x))
            self.add_loss(ops.sum(ops.square(x)))
            return x - self.mean

    layer = Noisy(name="noisy")
    served = agree(model(layer), rows)
    assert [one["type"] for one in served.block("noisy")["layers"]] == ["ops.subtract"]
    assert not any(isinstance(loss, keras.KerasTensor) for loss in layer.losses)


def test_a_layer_that_does_nothing_at_inference_has_an_address(agree: Agree, rows: Any) -> None:
    """Like a Dropout of one's own."""

    class Drop(layers.Layer):
        def call(self, x: Any, training: bool = False) -> Any:
            return keras.random.dropout(x, 0.5) if training else x

    served = agree(model(Drop(name="drop"), layers.Dense(2)), rows)
    assert served.block("drop")["type"] == "Identity"


def test_a_token_is_repeated_for_each_of_the_batch(agree: Agree, sequences: Any) -> None:
    """As a ViT's class token, however the batch is counted."""

    class Tokens(layers.Layer):
        def build(self, shape: Any) -> None:
            self.token = self.add_weight((1, 1, shape[-1]), "random_normal", name="token")
            self.place = self.add_weight((1, shape[1] + 3, shape[-1]), "random_normal", name="place")

        def call(self, x: Any) -> Any:
            batch = ops.shape(x)[0]
            tokens = ops.broadcast_to(self.token, (batch, 1, x.shape[-1]))
            tiled = ops.tile(self.token, (batch, 1, 1))
            padding = ops.zeros((batch, 1, x.shape[-1]))
            return ops.concatenate([tokens, tiled, padding, x], axis=1) + self.place

    served = agree(model(Tokens(name="tokens"), shape=(5, 6)), sequences)
    assert set(served.block("tokens")["weights"]) >= {"token", "place"}


def test_sizes_of_the_batch_are_followed(agree: Agree, sequences: Any) -> None:
    """Reshapes, slices and windows that Python counts rows for."""

    class Windows(layers.Layer):
        def call(self, x: Any) -> Any:
            batch, steps, features = ops.shape(x)
            heads = ops.transpose(ops.reshape(x, (batch, steps, 2, features // 2)), (0, 2, 1, 3))
            rows = ops.reshape(heads, (batch * 2, steps, features // 2))
            scores = ops.softmax(ops.matmul(rows, ops.swapaxes(rows, 1, 2)))
            joined = ops.reshape(ops.matmul(scores, rows), (batch, 2, steps, features // 2))
            return ops.reshape(ops.transpose(joined, (0, 2, 1, 3)), (-1, steps, features))[:batch]

    agree(model(Windows(), shape=(5, 6)), sequences)


def test_free_lengths_stay_free(agree: Agree, sequences: Any) -> None:
    """As long as Python does not compute with them."""

    class Heads(layers.Layer):
        def call(self, x: Any) -> Any:
            return ops.reshape(x, (ops.shape(x)[0], -1, 2, 3)) * 2

    served = agree(model(Heads(), shape=(None, 6)), sequences)
    assert served.document["input"]["first"]["shape"] == [None, 6]
    assert served.block("heads")["layers"][0]["newshape"] == [None, -1, 2, 3]


def test_tables_are_looked_up(agree: Agree, ids: Any) -> None:
    """Rows of a weight that ids name are an Embedding."""

    class Table(layers.Layer):
        def build(self, _: Any) -> None:
            self.rows = self.add_weight((10, 2, 3), "random_normal", name="rows")
            self.line = self.add_weight((10,), "random_normal", name="line")

        def call(self, x: Any) -> Any:
            return ops.take(self.rows, x, axis=0) + ops.take(self.line, x)[..., None, None]

    served = agree(model(Table(name="table"), shape=(5,), dtype="int32"), ids)
    assert [layer["type"] for layer in served.block("table")["layers"]].count("Embedding") == 2


def test_constants_are_written_out_or_sent(agree: Agree, sequences: Any) -> None:
    """Small ones stand in the document, large ones are weights; infinity has no form in JSON."""
    large = np.random.default_rng(0).normal(size=(5, 5, 6)).astype("float32")

    class Constants(layers.Layer):
        def call(self, x: Any) -> Any:
            causal = ops.tril(ops.ones((5, 5)))
            scores = ops.where(ops.cast(causal, "bool"), ops.matmul(x, ops.swapaxes(x, 1, 2)), -np.inf)
            padded = ops.pad(x, [[0, 0], [1, 0], [0, 0]], constant_values=-np.inf)
            joined = ops.matmul(ops.softmax(scores), x) + ops.exp(padded)[:, :-1]
            return joined * np.arange(6, dtype="float32") + large[2] * large[1]

    x = first = keras.Input((5, 6))
    served = agree(keras.Model(first, Constants(name="own")(x) + large[0]), sequences)
    assert [layer["type"] for layer in served.document["layers"]] == ["Block", "Block"]
    assert served.document["layers"][1]["weights"]["x2"]["shape"] == [5, 6]


def test_positions_follow_from_no_input(agree: Agree, ids: Any) -> None:
    """An Embedding of positions is a constant of the block."""

    class Positions(layers.Layer):
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.token, self.position = layers.Embedding(10, 4), layers.Embedding(5, 4)

        def call(self, x: Any) -> Any:
            return self.token(x) + self.position(ops.arange(5))

    served = agree(model(Positions(name="places"), shape=(5,), dtype="int32"), ids)
    assert list(served.block("places")["weights"]) == ["x2"]


@pytest.mark.parametrize("policy", ["mixed_float16", "float16", "float64"])
def test_layers_keep_their_dtypes(agree: Agree, rows: Any, policy: str) -> None:
    """Weights are cast as Keras casts them."""
    served = agree(model(Scaled(3, dtype=policy), layers.Dense(2, dtype=policy)), rows, tolerance=2e-3)
    assert served.document["layers"][-1]["dtype"] == policy


def test_functions_of_ones_own_may_activate(agree: Agree, rows: Any) -> None:
    """A layer of Keras with an argument that is code is what its own `call` computes."""
    served = agree(model(layers.Dense(3, activation=lambda x: x * ops.sigmoid(1.7 * x), name="own")), rows)
    assert served.block("own")["type"] == "Block"
    assert list(served.weights) == ["own/kernel", "own/bias"]


def test_arrays_are_on_either_side(agree: Agree, rows: Any) -> None:
    """NumPy leaves the computation to the tensor."""

    class Sided(layers.Layer):
        def call(self, x: Any) -> Any:
            return np.arange(6, dtype="float32") * x - np.float32(1) / (x * x + 1)

    agree(model(Sided()), rows)


def test_operators_are_those_of_real_tensors(agree: Agree, rows: Any) -> None:
    """`==` compares elements, arrays of float64 take the tensor's dtype, and integers are divided to float64."""

    class Compared(layers.Layer):
        def call(self, x: Any) -> Any:
            counts = ops.cast(x, "int32") % 3
            chosen = ops.where(counts == 0, x * np.full(6, 1 / 3), x / np.float64(7))
            return chosen + ops.cast(counts / 3, "float32") + ops.cast(counts == ops.cast(x, "int32"), "float32")

    agree(model(Compared()), rows)


def test_calls_may_be_compiled(agree: Agree, rows: Any) -> None:
    """By a decorator of TensorFlow."""

    class Compiled(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.scale = self.add_weight((), "random_normal", name="scale")

        @tf.function
        def call(self, x: Any) -> Any:
            return tf.tanh(x) * self.scale

    agree(model(Compiled()), rows, tolerance=1e-6)


def test_lengths_are_numbers(agree: Agree, sequences: Any) -> None:
    """As real tensors have them, and layers take them by position."""

    class Patches(layers.Layer):
        def call(self, x: Any, height: Any, width: Any) -> Any:
            return tf.reshape(x, (-1, height, width, x.get_shape().as_list()[-1]))

    class Around(layers.Layer):
        def __init__(self) -> None:
            super().__init__(name="around")
            self.patches = Patches()

        def call(self, x: Any) -> Any:
            return self.patches(x, tf.shape(x)[1] // 5, tf.shape(x)[1] // x.shape.rank * 5)

    first = keras.Input((5, 6))
    served = agree(keras.Model(first, Around()(first)), sequences)
    assert served.block("around", "patches")["layers"][0]["newshape"] == [-1, 1, 5, 6]


def test_what_nobody_reads_is_left_out(agree: Agree, rows: Any) -> None:
    """Though a layer returns it, and the shapes that Keras itself cannot announce are computed."""

    class Cached(layers.Layer):
        def call(self, x: Any) -> Any:
            return ops.einsum("BH,BS->BHS", x, x), ops.stack([x, x], axis=1)

    class Around(layers.Layer):
        def __init__(self) -> None:
            super().__init__(name="around")
            self.cached = Cached()

        def call(self, x: Any) -> Any:
            products, _ = self.cached(x)
            return products if ops.ndim(products) == 3 else x

    served = agree(model(Around()), rows)
    assert [layer["type"] for layer in served.block("around", "cached")["layers"]] == ["ops.einsum"]


def test_sums_of_products_may_have_the_batch_anywhere(agree: Agree, sequences: Any) -> None:
    """In documents it is first: it is moved there, and back."""

    class Experts(layers.Layer):
        def build(self, shape: Any) -> None:
            self.kernel = self.add_weight((2, shape[-1], 3), "random_normal", name="kernel")

        def call(self, x: Any) -> Any:
            by_expert = ops.einsum("td,edm->etm", x[:, 0], self.kernel)
            steps = ops.transpose(x, (1, 0, 2))
            scores = ops.einsum("ibd,jbd->bij", steps, steps)
            return ops.transpose(by_expert, (1, 0, 2)), scores

    served = agree(model(Experts(name="experts"), shape=(5, 6)), sequences, tolerance=1e-6)
    written = [layer["subscripts"] for layer in served.block("experts")["layers"] if "subscripts" in layer]
    assert written == ["td,edm->tem", "bid,bjd->bij"]


def test_convolutions_have_kernels_of_their_own(agree: Agree) -> None:
    """Which may be computed from weights."""

    class Standardised(layers.Conv2D):
        def call(self, x: Any) -> Any:
            mean, variance = ops.moments(self.kernel, axes=[0, 1, 2], keepdims=True)
            kernel = (self.kernel - mean) / ops.sqrt(variance + 1e-5)
            return ops.conv(x, kernel, 2, "same") + tf.nn.bias_add(tf.nn.conv2d(x, self.kernel, 2, "SAME"), self.bias)

    pictures = np.random.default_rng(7).normal(size=(2, 8, 8, 2)).astype("float32")
    served = agree(model(Standardised(4, 3, name="own"), shape=(8, 8, 2)), pictures, tolerance=1e-6)
    assert set(served.block("own")["weights"]) >= {"kernel", "bias"}
