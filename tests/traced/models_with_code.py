"""Models that only their code describes in full."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keras import layers, ops

SECRET = 41.5
"""A number in the code of a Lambda."""


class Scaled(layers.Layer):
    """A custom layer with a weight."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight((shape[-1],), "random_normal", name="scale")

    def call(self, x: Any) -> Any:
        return x * self.scale + 1


class Classifier(keras.Model):
    """A sub-class with layers of its own."""

    def __init__(self) -> None:
        super().__init__(name="classifier")
        self.body, self.head = layers.Dense(5, activation="relu"), layers.Dense(3)

    def call(self, x: Any) -> Any:
        return ops.softmax(self.head(self.body(x) + ops.mean(x, axis=-1, keepdims=True)))


class Doubling(keras.Model):
    """A sub-class with a graph, of which its `call` returns twice as much."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return 2 * super().call(*args, **kwargs)


class Negated(keras.Model):
    """A sub-class with a graph, of which it returns the negative when it is called."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return -super().__call__(*args, **kwargs)


class Trained(keras.Model):
    """A sub-class with a graph that computes just that."""

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def graph(layer: Any, cls: type[keras.Model] = keras.Model) -> keras.Model:
    """Return a model of Keras' own layers around another."""
    first = keras.Input((6,), name="first")
    return cls(first, layers.Dense(4, name="last")(layer(layers.Dense(6, name="dense")(first))))


def subclass() -> keras.Model:
    """Return a sub-class that was called once."""
    model = Classifier()
    model(np.zeros((1, 6), np.float32))
    return model


def wrapped() -> keras.Model:
    """Return a model whose `to_json()` raises: a layer of it has an argument that no config can have."""

    class Needy(layers.Layer):
        def __init__(self, factor: Any) -> None:
            super().__init__(name="needy")
            self.factor = factor

        def call(self, x: Any) -> Any:
            return x * self.factor.value

    return graph(Needy(SimpleNamespace(value=3)))


def relu(x: Any) -> Any:
    """Return something else than the function of Keras with this name."""
    return ops.maximum(x, 0.5)


def with_activation(function: Any) -> keras.Model:
    """Return a model of Keras' layers, of which two have an activation: one of them inside another layer."""
    first = keras.Input((6,), name="first")
    tensor = keras.layers.Reshape((2, 4))(layers.Dense(8, activation=function)(first))
    return keras.Model(first, layers.TimeDistributed(layers.Dense(3, activation=function), name="each")(tensor))


MODELS: dict[str, Any] = {
    "custom layer": lambda: graph(Scaled(name="scaled")),
    "sub-class": subclass,
    "lambda": lambda: graph(layers.Lambda(lambda x: x * SECRET, name="times")),
    "call": lambda: graph(layers.ReLU(name="relu"), Doubling),
    "to_json raises": wrapped,
    "another gelu": lambda: with_activation(ops.gelu),
    "another relu": lambda: with_activation(relu),
}
