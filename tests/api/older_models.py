"""Models of tf_keras, the last Keras 2: every class with the options that differ, graphs, operations, nested models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

L = keras.layers
IDS = ("Embedding", "Embedding masked", "Hashing", "IntegerLookup", "CategoryEncoding")
"""Models that read numbers of classes."""
INTEGERS = ("Hashing", "IntegerLookup", "CategoryEncoding")
"""Those of them whose input is of integers."""

LAYERS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "Activation": (lambda: L.Activation("hard_sigmoid"), (3,)),
    "Activation of TensorFlow": (lambda: L.Activation(tf.nn.relu6), (3,)),
    "ActivityRegularization": (lambda: L.ActivityRegularization(0.1), (3,)),
    "AlphaDropout": (lambda: L.AlphaDropout(0.5), (3,)),
    "AveragePooling1D": (lambda: L.AveragePooling1D(2), (8, 3)),
    "AveragePooling2D": (lambda: L.AveragePooling2D(2), (8, 8, 3)),
    "AveragePooling3D": (lambda: L.AveragePooling3D(2), (4, 4, 4, 2)),
    "BatchNormalization": (L.BatchNormalization, (4, 4, 3)),
    "BatchNormalization of an axis": (lambda: L.BatchNormalization(axis=1, scale=False), (4, 4, 3)),
    "BatchNormalization synchronized": (lambda: L.BatchNormalization(synchronized=True), (4,)),
    "Bidirectional": (lambda: L.Bidirectional(L.LSTM(3, recurrent_activation="hard_sigmoid")), (5, 4)),
    "Bidirectional of two": (
        lambda: L.Bidirectional(
            L.GRU(3, return_sequences=True), merge_mode="sum",
            backward_layer=L.GRU(3, go_backwards=True, return_sequences=True),
        ), (5, 4)),
    "CategoryEncoding": (lambda: L.CategoryEncoding(5, output_mode="multi_hot"), (3,)),
    "CenterCrop": (lambda: L.CenterCrop(2, 2), (4, 4, 3)),
    "Conv1D": (lambda: L.Conv1D(4, 3, padding="causal", dilation_rate=2), (9, 3)),
    "Conv1DTranspose": (lambda: L.Conv1DTranspose(4, 3, strides=2), (5, 3)),
    "Conv2D": (lambda: L.Conv2D(4, (3, 2), strides=2, padding="same"), (9, 9, 3)),
    "Conv2D in groups": (lambda: L.Conv2D(6, 3, groups=3), (9, 9, 3)),
    "Conv2DTranspose": (lambda: L.Conv2DTranspose(4, 3, strides=2, padding="same"), (5, 5, 3)),
    "Conv2DTranspose padded": (lambda: L.Conv2DTranspose(4, 3, strides=2, output_padding=1), (5, 5, 3)),
    "Conv3D": (lambda: L.Conv3D(4, 3), (5, 5, 5, 2)),
    "Conv3DTranspose": (lambda: L.Conv3DTranspose(2, 3), (4, 4, 4, 2)),
    "ConvLSTM1D": (lambda: L.ConvLSTM1D(2, 3), (4, 6, 2)),
    "ConvLSTM2D": (lambda: L.ConvLSTM2D(2, 3), (4, 6, 6, 2)),
    "Cropping1D": (lambda: L.Cropping1D(1), (4, 3)),
    "Cropping2D": (lambda: L.Cropping2D(1), (4, 4, 3)),
    "Cropping3D": (lambda: L.Cropping3D(1), (4, 4, 4, 2)),
    "Dense": (lambda: L.Dense(4, activation="hard_sigmoid"), (3,)),
    "Dense with a layer": (lambda: L.Dense(4, activation=L.LeakyReLU(0.2)), (3,)),
    "Dense with training settings": (
        lambda: L.Dense(4, activation=keras.activations.swish, kernel_regularizer="l2", bias_constraint="nonneg",
                        kernel_initializer=keras.initializers.VarianceScaling(distribution="normal")), (3,)),
    "DepthwiseConv1D": (lambda: L.DepthwiseConv1D(3, depth_multiplier=2), (9, 3)),
    "DepthwiseConv2D": (lambda: L.DepthwiseConv2D(3, padding="same"), (9, 9, 3)),
    "Discretization": (lambda: L.Discretization(bin_boundaries=[0.0, 1.0]), (3,)),
    "Dropout": (lambda: L.Dropout(0.5, noise_shape=(None, 1)), (3,)),
    "ELU": (lambda: L.ELU(0.7), (3,)),
    "EinsumDense": (lambda: L.EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="d"), (5, 3)),
    "Embedding": (lambda: L.Embedding(10, 4, input_length=5), (5,)),
    "Embedding masked": (lambda: L.Embedding(10, 4, mask_zero=True), (5,)),
    "Flatten": (L.Flatten, (4, 3)),
    "GRU": (lambda: L.GRU(3, reset_after=False, recurrent_activation="hard_sigmoid"), (5, 4)),
    "GRU reset after": (lambda: L.GRU(3), (5, 4)),
    "GaussianDropout": (lambda: L.GaussianDropout(0.5), (3,)),
    "GaussianNoise": (lambda: L.GaussianNoise(0.5), (3,)),
    "GlobalAveragePooling1D": (lambda: L.GlobalAveragePooling1D(keepdims=True), (8, 3)),
    "GlobalAveragePooling2D": (L.GlobalAveragePooling2D, (8, 8, 3)),
    "GlobalAveragePooling3D": (lambda: L.GlobalAveragePooling3D(keepdims=True), (4, 4, 4, 2)),
    "GlobalMaxPooling1D": (L.GlobalMaxPooling1D, (8, 3)),
    "GlobalMaxPooling2D": (lambda: L.GlobalMaxPooling2D(keepdims=True), (8, 8, 3)),
    "GlobalMaxPooling3D": (L.GlobalMaxPooling3D, (4, 4, 4, 2)),
    "GroupNormalization": (lambda: L.GroupNormalization(2), (4, 4, 4)),
    "Hashing": (lambda: L.Hashing(5), (3,)),
    "Identity": (L.Identity, (3,)),
    "IntegerLookup": (lambda: L.IntegerLookup(vocabulary=[1, 2, 3]), (3,)),
    "LSTM": (lambda: L.LSTM(3, recurrent_activation="hard_sigmoid"), (5, 4)),
    "LSTM unrolled": (lambda: L.LSTM(3, go_backwards=True, unroll=True, implementation=1), (5, 4)),
    "LayerNormalization": (L.LayerNormalization, (4, 3)),
    "LayerNormalization of axes": (lambda: L.LayerNormalization(axis=[1, 2]), (4, 3)),
    "LeakyReLU": (lambda: L.LeakyReLU(0.2), (3,)),
    "Masking": (lambda: L.Masking(0.5), (4, 3)),
    "MaxPooling1D": (lambda: L.MaxPooling1D(2), (8, 3)),
    "MaxPooling2D": (lambda: L.MaxPooling2D(3, 2, "same"), (8, 8, 3)),
    "MaxPooling3D": (lambda: L.MaxPooling3D(2), (4, 4, 4, 2)),
    "Normalization": (lambda: L.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 2.0, 4.0]), (4, 3)),
    "Normalization adapted": (L.Normalization, (4, 3)),
    "PReLU": (lambda: L.PReLU(shared_axes=[1]), (4, 3)),
    "Permute": (lambda: L.Permute((2, 1)), (4, 3)),
    "RNN": (lambda: L.RNN(L.LSTMCell(3)), (5, 4)),
    "RNN of cells": (lambda: L.RNN([L.GRUCell(3), L.GRUCell(2)]), (5, 4)),
    "RandomBrightness": (lambda: L.RandomBrightness(0.2), (4, 4, 3)),
    "RandomContrast": (lambda: L.RandomContrast(0.2), (4, 4, 3)),
    "RandomCrop": (lambda: L.RandomCrop(3, 5, seed=1), (8, 8, 3)),
    "RandomCrop enlarging": (lambda: L.RandomCrop(9, 4), (5, 7, 3)),
    "RandomFlip": (L.RandomFlip, (4, 4, 3)),
    "RandomHeight": (lambda: L.RandomHeight(0.2), (4, 4, 3)),
    "RandomRotation": (lambda: L.RandomRotation(0.2), (4, 4, 3)),
    "RandomTranslation": (lambda: L.RandomTranslation(0.2, 0.2), (4, 4, 3)),
    "RandomWidth": (lambda: L.RandomWidth(0.2), (4, 4, 3)),
    "RandomZoom": (lambda: L.RandomZoom(0.2), (4, 4, 3)),
    "ReLU": (lambda: L.ReLU(6.0, negative_slope=0.1, threshold=0.5), (3,)),
    "RepeatVector": (lambda: L.RepeatVector(3), (4,)),
    "Rescaling": (lambda: L.Rescaling(1 / 255.0, offset=-1.0), (4, 4, 3)),
    "Reshape": (lambda: L.Reshape((2, -1)), (4, 3)),
    "Resizing": (lambda: L.Resizing(5, 6), (4, 4, 3)),
    "SeparableConv1D": (lambda: L.SeparableConv1D(4, 3), (9, 3)),
    "SeparableConv2D": (lambda: L.SeparableConv2D(4, 3, depth_multiplier=2), (9, 9, 3)),
    "SimpleRNN": (lambda: L.SimpleRNN(3, return_sequences=True), (5, 4)),
    "Softmax": (lambda: L.Softmax(axis=-1), (3,)),
    "SpatialDropout1D": (lambda: L.SpatialDropout1D(0.5), (4, 3)),
    "SpatialDropout2D": (lambda: L.SpatialDropout2D(0.5), (4, 4, 3)),
    "SpatialDropout3D": (lambda: L.SpatialDropout3D(0.5), (4, 4, 4, 3)),
    "ThresholdedReLU": (lambda: L.ThresholdedReLU(0.4), (3,)),
    "TimeDistributed": (lambda: L.TimeDistributed(L.Conv2D(2, 3)), (3, 5, 5, 2)),
    "TimeDistributed model": (
        lambda: L.TimeDistributed(
            keras.Sequential([keras.Input((4,)), L.Dense(3), L.BatchNormalization(), L.Dense(2)])
        ), (5, 4)),
    "UnitNormalization": (L.UnitNormalization, (4,)),
    "UpSampling1D": (lambda: L.UpSampling1D(2), (4, 3)),
    "UpSampling2D": (lambda: L.UpSampling2D(2, interpolation="bilinear"), (4, 4, 3)),
    "UpSampling3D": (lambda: L.UpSampling3D(2), (3, 3, 3, 2)),
    "ZeroPadding1D": (lambda: L.ZeroPadding1D(2), (4, 3)),
    "ZeroPadding2D": (lambda: L.ZeroPadding2D(((1, 0), (2, 1))), (4, 4, 3)),
    "ZeroPadding3D": (lambda: L.ZeroPadding3D(1), (4, 4, 4, 2)),
}  # fmt: skip
"""A layer and the shape of its input, without the batch."""
PAIRS: dict[str, Callable[[], Any]] = {
    "Add": L.Add, "AdditiveAttention": L.AdditiveAttention, "Attention": partial(L.Attention, use_scale=True),
    "Average": L.Average, "Concatenate": partial(L.Concatenate, 1), "Dot": partial(L.Dot, 1), "Maximum": L.Maximum,
    "Minimum": L.Minimum, "Multiply": L.Multiply, "Subtract": L.Subtract,
}  # fmt: skip
"""Layers of two inputs."""


def of_layer(make: Callable[[], Any], shape: tuple[int, ...], dtype: str) -> Any:
    """A Functional model of one layer."""
    source = keras.Input(shape, dtype=dtype)
    return keras.Model(source, make()(source))


def of_pair(make: Callable[[], Any]) -> Any:
    """A layer of two inputs."""
    sources = [keras.Input((4, 3)), keras.Input((4, 3))]
    return keras.Model(sources, make()(sources))


def sequential() -> Any:
    """A Sequential whose first layer declares the input."""
    return keras.Sequential([L.Conv2D(4, 3, input_shape=(9, 9, 3)), L.BatchNormalization(), L.Flatten(), L.Dense(2)])


def attention() -> Any:
    """Attention with its second argument by name."""
    source = keras.Input((4, 3))
    return keras.Model(source, L.MultiHeadAttention(2, 4)(source, source))


def states() -> Any:
    """Layers that hand on their states; one has a slash in its name."""
    source = keras.Input((5, 4))
    steps, *state = L.LSTM(3, return_state=True, return_sequences=True)(source)
    return keras.Model(source, L.LSTM(3, name="decoder/lstm")(steps, initial_state=state))


def operations() -> Any:
    """Operations of TensorFlow between layers, one after the other."""
    source = keras.Input((4,), name="source")
    x = 2.0 / (1.0 - source + 3.0)
    x = tf.add(x, source) ** 2.0
    x = tf.cast(tf.cast(-x, "float16"), "float32")
    x = tf.math.reduce_mean(tf.clip_by_value(x, -1.0, 1.0), axis=-1, keepdims=True)[..., None]
    low, high = tf.split(tf.tile(tf.transpose(x, [0, 2, 1]), [1, 1, 4]), 2, axis=-1)
    x = tf.nn.softmax(tf.where(low > high, low, high) * tf.constant([1.0, 2.0]))
    x = tf.reshape(tf.stack([tf.expand_dims(x, 1)] * 2, 1), (-1, 4))
    x = tf.math.l2_normalize(tf.nn.leaky_relu(tf.concat([x, x], -1)), axis=-1)
    return keras.Model(source, tf.nn.gelu(x[:, 1:6:2]) + tf.sqrt(tf.abs(x[:, :3])))


def nested() -> Any:
    """Models inside a model, called once and twice, with one output and two."""
    twice = keras.Sequential([keras.Input((4,)), L.Dense(4), L.BatchNormalization(), L.Dense(4)])
    once = keras.Sequential([L.Dense(4)])
    inner = keras.Input((4,))
    two = keras.Model(inner, [L.Dense(4)(inner), inner])
    source = keras.Input((4,))
    first = twice(source)
    second = twice(first)
    left, right = two(once(second))
    return keras.Model(source, [two(left)[0], right, second, first])


def frozen() -> Any:
    """Frozen layers and a frozen model: their weights are saved after those that are trained."""
    inner = keras.Sequential(
        [keras.Input((4,)), L.Dense(4, trainable=False), L.BatchNormalization(), L.Dense(4),
         L.BatchNormalization(trainable=False)]
    )  # fmt: skip
    middle = keras.Sequential([keras.Input((4,)), inner, L.BatchNormalization(), L.Dense(4)])
    last = keras.Sequential([keras.Input((4,)), L.BatchNormalization(), L.Dense(4), L.BatchNormalization(), L.Dense(4)])
    last.trainable = False
    source = keras.Input((4,))
    return keras.Model(source, last(middle(source)))


def windows() -> Any:
    """Operations of TensorFlow on windows, and with arrays."""
    source = keras.Input((8, 8, 4), name="source")
    kernel = tf.constant(np.linspace(-1, 1, 48, dtype="float32").reshape(2, 3, 4, 2))
    x = tf.image.resize(tf.nn.max_pool(source, 2, 1, "SAME"), (6, 8), method="bicubic", antialias=True)
    x = tf.concat([x, tf.nn.avg_pool2d(x, [3, 2], [1, 1], "SAME"), tf.nn.avg_pool2d(x, [1, 2, 2, 1], 1, "SAME")], -1)
    x = tf.nn.depth_to_space(tf.nn.space_to_depth(x, 2), 2)[:, :, :, 3:7]
    y = tf.nn.conv2d(x, kernel, [1, 2, 1, 1], "SAME") + tf.nn.conv2d(x, kernel, 1, "SAME", dilations=2)[:, ::2]
    z = (
        tf.nn.depthwise_conv2d(x, kernel, [1, 2, 2, 1], "VALID")
        + tf.roll(y, [1, -2], [1, 2])[:, :3, ::-2][:, :, :3, :1]
    )
    z = tf.nn.convolution(z, tf.ones((1, 1, 8, 4)), padding="VALID", strides=1)
    line = tf.nn.max_pool1d(tf.slice(tf.reshape(z, (-1, 9, 4)), [0, 1, 0], [-1, -1, 4]), 2, 2, "SAME")
    first, _, third, _ = tf.unstack(tf.gather(line, [2, 0], axis=2), 4, axis=1)
    volume = tf.nn.avg_pool3d(tf.nn.max_pool3d(y[:, None], [1, 2, 2], 1, "VALID"), [1, 1, 2, 2, 1], 1, "SAME")
    kept = tf.tensordot(first - third, tf.constant([[1.0, 2.0, 3.0], [-1.0, 0.5, 2.0]]), axes=1)
    return keras.Model(source, [kept, tf.tensordot(volume, tf.constant([1.0, -2.0]), [[4], [0]])])


GRAPHS = (sequential, attention, states, operations, windows, nested, frozen)


def models() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield every model by its name, not yet made."""
    for name, (make, shape) in LAYERS.items():
        yield name, partial(of_layer, make, shape, "int64" if name in INTEGERS else "float32")
    for name, pair in PAIRS.items():
        yield name, partial(of_pair, pair)
    for graph in GRAPHS:
        yield graph.__name__, graph


def randomize(model: Any, chance: np.random.Generator) -> None:
    """Give every weight values of its own; variances are positive."""
    drawn = []
    for variable, value in zip(model.weights, model.get_weights(), strict=True):
        low, high = (0.5, 2.0) if "variance" in variable.name else (-1.0, 1.0)
        drawn.append(chance.uniform(low, high, value.shape).astype(value.dtype))
    model.set_weights(drawn)


def inputs_of(name: str, model: Any, chance: np.random.Generator) -> list[np.ndarray[Any, Any]]:
    """Return three rows for each input."""
    arrays = []
    for tensor in model.inputs:
        shape = (3, *(length or 5 for length in tensor.shape[1:]))
        drawn = chance.integers(0, 4, shape) if name in IDS else chance.normal(size=shape)
        arrays.append(drawn.astype(tensor.dtype.name))
    return arrays
