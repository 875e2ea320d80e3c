"""Ten Keras networks that nothing was tuned for."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers as L  # noqa: N812
from keras import ops

DRAWN = {"bias_initializer": "random_normal"}
"""Biases that are not zero, so that a lost one shows."""


def normalized(name: str) -> keras.Layer:
    """Return a BatchNormalization whose every weight counts."""
    drawn = keras.initializers.RandomUniform(0.5, 1.5)
    return L.BatchNormalization(
        name=name, gamma_initializer=drawn, beta_initializer=drawn, moving_mean_initializer=drawn,
        moving_variance_initializer=drawn,
    )  # fmt: skip


def nested_three_deep() -> keras.Model:
    """Return a model in a model in a model, the inner ones called several times."""
    x = keras.Input((8, 8, 4))
    y = L.Conv2D(4, 3, padding="same", activation="relu", name="conv", **DRAWN)(x)
    innermost = keras.Model(x, normalized("bn")(y), name="innermost")
    x = keras.Input((8, 8, 4))
    middle = keras.Model(x, L.Add(name="sum")([innermost(x), innermost(L.ReLU(name="positive")(x))]), name="middle")
    x = keras.Input((8, 8, 4))
    y = middle(L.Conv2D(4, 1, activation="tanh", name="mix", **DRAWN)(x))
    outer = keras.Model(x, L.Maximum(name="larger")([y, middle(y)]), name="outer")
    x = keras.Input((8, 8, 4), name="image")
    y = L.Subtract(name="difference")([outer(x), outer(L.Rescaling(-1.0, name="negative")(x))])
    return keras.Model(x, L.Dense(3, name="head", activation="softmax", **DRAWN)(L.Flatten(name="flat")(y)))


def shared_three_times() -> keras.Model:
    """Return one layer with three calls: two on inputs, one on its own result."""
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    shared = L.Dense(6, activation="gelu", name="shared", **DRAWN)
    first, second = shared(left), shared(right)
    joined = L.Concatenate(name="joined")([first, second, shared(L.Add(name="sum")([first, second]))])
    return keras.Model([left, right], L.Dense(2, name="head", **DRAWN)(joined))


def siamese() -> keras.Model:
    """Return a Sequential tower for two images, and their distance."""
    tower = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            L.Conv2D(4, 3, activation="relu", name="conv", **DRAWN),
            L.MaxPooling2D(name="pool"),
            L.Flatten(name="flat"),
            L.Dense(5, activation=L.LeakyReLU(0.1), name="embedding", **DRAWN),
        ],
        name="tower",
    )
    a, b = keras.Input((12, 12, 1), name="a"), keras.Input((12, 12, 1), name="b")
    return keras.Model([a, b], L.Dense(1, activation="sigmoid", name="same")(ops.absolute(tower(a) - tower(b))))


def residual() -> keras.Model:
    """Return two bottlenecks, one of them with a projection."""
    x = inputs = keras.Input((16, 16, 3), name="image")
    for number, filters in enumerate((6, 6)):
        short = L.Conv2D(filters, 1, name=f"project{number}", **DRAWN)(x) if number == 0 else x
        y = normalized(f"bn{number}a")(L.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv{number}a")(x))
        y = L.Activation("relu", name=f"relu{number}a")(y)
        y = normalized(f"bn{number}b")(L.DepthwiseConv2D(3, padding="same", name=f"conv{number}b", **DRAWN)(y))
        x = L.ReLU(max_value=6.0, name=f"relu{number}b")(L.Add(name=f"sum{number}")([short, y]))
    return keras.Model(inputs, L.GlobalAveragePooling2D(name="pool")(x))


def encoder_decoder() -> keras.Model:
    """Return an LSTM whose states start another; a bidirectional GRU gives several outputs too."""
    source, target = keras.Input((5, 3), name="source"), keras.Input((4, 3), name="target")
    sequence, h, c = L.LSTM(4, return_sequences=True, return_state=True, name="encoder", **DRAWN)(source)
    decoded, _, _ = L.LSTM(4, return_sequences=True, return_state=True, name="decoder")(target, initial_state=[h, c])
    both = L.Bidirectional(L.GRU(3, return_state=True, name="gru"), name="both")(sequence)
    steps = L.TimeDistributed(L.Dense(2, activation="softmax", **DRAWN), name="steps")(decoded)
    return keras.Model([source, target], [steps, *both])


def attention() -> keras.Model:
    """Return a transformer's block."""
    x = inputs = keras.Input((7, 8), name="tokens")
    y = L.MultiHeadAttention(2, 4, name="heads", **DRAWN)(x, x, use_causal_mask=True)
    y = x = L.LayerNormalization(name="norm1")(L.Add(name="sum1")([x, y]))
    y = L.Dense(16, activation="gelu", name="wide", **DRAWN)(y)
    y = L.EinsumDense("abc,cd->abd", (None, 8), bias_axes="d", activation="tanh", name="narrow", **DRAWN)(y)
    y = L.LayerNormalization(name="norm2")(L.Add(name="sum2")([x, y]))
    return keras.Model(inputs, L.GlobalAveragePooling1D(name="pool")(y))


def one_dimension() -> keras.Model:
    """Return causal and dilated, separable, strided and transposed convolutions."""
    x = inputs = keras.Input((24, 3), name="signal")
    x = L.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="silu", name="causal", **DRAWN)(x)
    x = L.SeparableConv1D(6, 3, padding="same", activation="elu", name="separable", **DRAWN)(x)
    x = L.Conv1D(6, 4, strides=2, groups=3, name="grouped", **DRAWN)(L.LayerNormalization(name="norm")(x))
    x = L.Conv1DTranspose(4, 3, strides=2, activation="leaky_relu", name="transposed", **DRAWN)(x)
    return keras.Model(inputs, L.MaxPooling1D(3, strides=2, padding="same", name="pool")(x))


def three_dimensions() -> keras.Model:
    """Return a small video network."""
    x = inputs = keras.Input((6, 8, 8, 2), name="video")
    x = L.Conv3D(4, (2, 3, 3), padding="same", activation="relu", name="conv", **DRAWN)(x)
    x = L.AveragePooling3D((1, 2, 2), name="pool")(normalized("bn")(x))
    x = L.Conv3DTranspose(3, 2, strides=(1, 2, 2), activation="softplus", name="transposed", **DRAWN)(x)
    x = L.ConvLSTM2D(2, 3, padding="same", name="recurrent", **DRAWN)(x)
    return keras.Model(inputs, L.GlobalMaxPooling2D(name="top")(x))


def operations() -> keras.Model:
    """Return arithmetic, slices and reductions of keras.ops between layers."""
    x, y = keras.Input((6, 4), name="x"), keras.Input((6, 4), name="y")
    scores = ops.softmax(ops.matmul(x, ops.transpose(y, (0, 2, 1))) / 2.0, axis=-1)
    mixed = ops.matmul(scores, y)[:, 1:5] ** 2
    z = ops.concatenate([mixed, ops.tanh(x[:, :4]) - 1], axis=-1)
    z = ops.mean(z, axis=1, keepdims=True) + ops.max(z, axis=2, keepdims=True)
    return keras.Model([x, y], L.Dense(3, name="head", **DRAWN)(ops.expand_dims(ops.sum(ops.exp(-z), axis=1), 1)))


def mixed_float16() -> keras.Model:
    """Return a network that computes in float16 on float32 weights; the last layer is float32, as Keras recommends."""
    policy = {"dtype": "mixed_float16"}
    x = inputs = keras.Input((12, 12, 3), name="image")
    x = L.Conv2D(6, 3, activation="relu", name="conv", **DRAWN, **policy)(x)
    x = L.LayerNormalization(name="norm", **policy)(x)
    x = L.Conv2D(6, 3, strides=2, activation=L.LeakyReLU(0.2, **policy), name="leaky", **DRAWN, **policy)(x)
    x = L.GlobalAveragePooling2D(name="pool", **policy)(x)
    return keras.Model(inputs, L.Dense(4, activation="softmax", name="classes", dtype="float32", **DRAWN)(x))


GRAPHS: tuple[Callable[[], keras.Model], ...] = (
    nested_three_deep, shared_three_times, siamese, residual, encoder_decoder, attention, one_dimension,
    three_dimensions, operations, mixed_float16,
)  # fmt: skip
