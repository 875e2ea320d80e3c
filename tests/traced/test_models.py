"""Whole models: sub-classed ones, several inputs and outputs, masks, a transformer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from layerscope_client.keras import has_code

Agree = Callable[..., Any]


class Classifier(keras.Model):
    """A sub-classed model with a model inside and a weight of its own."""

    def __init__(self) -> None:
        super().__init__(name="classifier")
        self.body = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(6)])
        self.head = layers.Dense(3, activation="softmax")

    def build(self, shape: Any) -> None:
        self.bias = self.add_weight((shape[-1],), "random_normal", name="bias")
        super().build(shape)

    def call(self, x: Any, training: bool = False) -> Any:
        return self.head(self.body(x + self.bias, training=training) + x)


def test_sub_classed_models_are_what_their_call_computes(agree: Agree, rows: Any) -> None:
    """Their inputs are those that they were built on, or given."""
    model = Classifier()
    model(rows)
    served = agree(model, rows)
    assert [layer["name"] for layer in served.document["layers"]] == ["add", "body", "add_1", "head"]
    assert [layer["name"] for layer in served.block("body")["layers"]] == ["dense", "dense_1"]
    assert served.weights.keys() >= {"add/bias", "body/dense/kernel", "head/bias"}
    agree(Classifier(), rows, inputs=(6,))


def test_inputs_and_outputs_may_be_objects(agree: Agree, rows: Any, ids: Any) -> None:
    """Inputs have the names of their keys; outputs are in Keras' order."""

    class Both(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.dense = layers.Embedding(10, 6), layers.Dense(6)

        def call(self, inputs: Any) -> Any:
            words = ops.mean(self.table(inputs["words"]), axis=1)
            return {"sum": words + self.dense(inputs["numbers"]), "first": words}

    given = {"words": keras.Input((5,), dtype="int32"), "numbers": (6,)}
    served = agree(Both(), {"words": ids, "numbers": rows}, inputs=given)
    assert served.document["input"] == {
        "numbers": {"shape": [6], "dtype": "float32"}, "words": {"shape": [5], "dtype": "int32"},
    }  # fmt: skip
    assert served.document["outputs"] == ["mean", "add"]


def test_free_sizes_may_be_fixed(agree: Agree, sequences: Any) -> None:
    """Where Python computes with them."""

    class Ramp(layers.Layer):
        def compute_output_shape(self, shape: Any) -> Any:
            return shape

        def call(self, x: Any) -> Any:
            return x * ops.reshape(ops.arange(x.shape[1], dtype="float32"), (1, -1, 1))

    first = keras.Input((None, 6), name="steps")
    served = agree(keras.Model(first, Ramp()(first)), sequences, inputs={"steps": (5, 6)})
    assert served.document["input"]["steps"]["shape"] == [5, 6]


def test_masks_are_written_out(agree: Agree, ids: Any) -> None:
    """Where a custom layer reads one, makes one, or passes one on."""

    class Average(layers.Layer):
        supports_masking = True

        def compute_mask(self, *_: Any) -> None:
            return None

        def call(self, x: Any, mask: Any = None) -> Any:
            counts = ops.cast(mask, x.dtype)[..., None]
            return ops.sum(x * counts, axis=1) / ops.sum(counts, axis=1)

    class Doubled(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True

        def call(self, x: Any) -> Any:
            return x * 2

    first = keras.Input((5,), dtype="int32")
    words = Doubled()(layers.Embedding(10, 4, mask_zero=True)(first))
    outputs = [Average()(words), layers.LSTM(3)(words), layers.Bidirectional(layers.GRU(2))(words)]
    attended = layers.MultiHeadAttention(2, 4)(words, words)
    outputs += [layers.GlobalAveragePooling1D()(attended), layers.LSTM(3)(layers.Masking(0.5)(ops.relu(words)))]
    served = agree(keras.Model(first, outputs), ids, tolerance=1e-6)
    (table,) = [layer for layer in served.document["layers"] if layer["type"] == "Embedding"]
    assert table["mask_zero"] is False


def test_a_mask_reaches_the_layers_inside(agree: Agree, ids: Any) -> None:
    """Though the layer around them has no argument for it."""

    class Reader(layers.Layer):
        supports_masking = True

        def __init__(self) -> None:
            super().__init__()
            self.lstm = layers.LSTM(3)

        def compute_mask(self, *_: Any) -> None:
            return None

        def call(self, x: Any) -> Any:
            return self.lstm(x)

    first = keras.Input((5,), dtype="int32")
    agree(keras.Model(first, Reader()(layers.Embedding(10, 4, mask_zero=True)(first))), ids, tolerance=1e-6)


class SelfAttention(layers.Layer):
    """Multi-head attention written by hand, with a causal mask."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def build(self, shape: Any) -> None:
        self.query_key_value = layers.Dense(3 * shape[-1], name="qkv")
        self.out = layers.Dense(shape[-1])
        self.temperature = self.add_weight((self.heads, 1, 1), "ones", name="temperature")

    def call(self, x: Any) -> Any:
        batch, steps, width = ops.shape(x)
        split = ops.reshape(self.query_key_value(x), (batch, steps, 3, self.heads, width // self.heads))
        query, key, value = ops.unstack(ops.transpose(split, (2, 0, 3, 1, 4)), axis=0)
        scores = ops.einsum("bhqd,bhkd->bhqk", query, key) / np.sqrt(width // self.heads) * self.temperature
        mask = ops.arange(steps)[:, None] >= ops.arange(steps)[None, :]
        scores = ops.softmax(ops.where(mask, scores, -1e9))
        joined = ops.transpose(ops.einsum("bhqk,bhkd->bhqd", scores, value), (0, 2, 1, 3))
        return self.out(ops.reshape(joined, (batch, steps, width)))


class Transformer(keras.Model):
    """Two blocks of a transformer, written by hand, on embedded ids."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = layers.Embedding(10, 8), layers.Embedding(5, 8)
        self.blocks = [(layers.LayerNormalization(), SelfAttention(2), layers.Dense(8, "gelu")) for _ in range(2)]
        self.flat = [layer for block in self.blocks for layer in block]

    def call(self, ids: Any) -> Any:
        x = self.tokens(ids) + self.places(ops.arange(ops.shape(ids)[1]))
        for norm, attention, dense in self.blocks:
            x = x + attention(norm(x))
            x = x + dense(x)
        return ops.matmul(x, ops.transpose(self.tokens.embeddings))


def test_a_transformer_by_hand(agree: Agree, ids: Any) -> None:
    """With what it attends to under an address."""
    served = agree(Transformer(), ids, inputs=keras.Input((5,), dtype="int32"), tolerance=1e-6)
    (attention,) = [layer["name"] for layer in served.document["layers"] if layer.get("class_name") == "SelfAttention"][
        :1
    ]
    scores = served.run(ids, f"{attention}/softmax")[f"{attention}/softmax"]
    assert scores.shape == (4, 2, 5, 5)
    np.testing.assert_array_equal(scores[:, :, 0, 1:], 0)
    np.testing.assert_allclose(scores.sum(-1), 1, rtol=1e-5)


def test_applications_and_graphs_stay_as_they_are(agree: Agree, rows: Any) -> None:
    """A model of Keras' own layers has their names, and models inside are blocks."""
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="a"), layers.ReLU(name="b")], name="inner")
    first = keras.Input((6,), name="first")
    model = keras.Model(first, layers.Dense(2, name="last")(inner(first)))
    served = agree(model, rows)
    assert [layer["name"] for layer in served.document["layers"]] == ["inner", "last"]
    assert list(served.weights) == ["inner/a/kernel", "inner/a/bias", "last/kernel", "last/bias"]


def test_nothing_of_the_model_changes(serve: Callable[..., Any], rows: Any) -> None:
    """Neither its layers nor Keras itself."""
    model = Classifier()
    model(rows)
    before = model.get_weights()
    kept = (
        keras.layers.Layer.__call__,
        keras.Operation.symbolic_call,
        keras.layers.Layer.symbolic_call,
        keras.Variable.assign,
    )
    calls = [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    serve(model)
    assert calls == [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    assert kept == (
        keras.layers.Layer.__call__,
        keras.Operation.symbolic_call,
        keras.layers.Layer.symbolic_call,
        keras.Variable.assign,
    )
    assert isinstance(model.bias, keras.Variable)
    for ours, theirs in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_models_without_code_are_known(rows: Any) -> None:
    """Of these `to_json()` says all."""
    first = keras.Input((6,))
    plain = keras.Model(first, layers.Bidirectional(layers.LSTM(2))(layers.Masking()(ops.expand_dims(first, -1))))
    assert not has_code(plain)
    assert not has_code(keras.Sequential([first, keras.Sequential([layers.Dense(2)])]))
    assert has_code(keras.Model(first, layers.Lambda(lambda x: x + 1)(first)))
    assert has_code(keras.Model(first, layers.Dense(2, activation=lambda x: x)(first)))
    assert has_code(Classifier())
