"""Functions of TensorFlow in a layer's `call` that keras.ops has, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf
from keras import layers

Agree = Callable[..., Any]

VARIABLE = tf.Variable([[0.5] * 6] * 6)
CALLS = {
    "sums": lambda x: tf.reduce_sum(x, axis=-1, keepdims=True) + tf.reduce_mean(x, 1)[:, None],
    "products": lambda x: tf.matmul(x, x, transpose_b=True),
    "shapes": lambda x: tf.reshape(x, [tf.shape(x)[0], -1]),
    "heads": lambda x: tf.transpose(tf.reshape(x, (tf.shape(x)[0], 5, 2, 3)), perm=[0, 2, 1, 3]),
    "joins": lambda x: tf.concat([x, tf.zeros_like(x), tf.nn.relu(x)], axis=-1),
    "splits": lambda x: tf.split(x, [2, 4], axis=-1)[1] * tf.split(x, 2, -1)[0][..., :1],
    "arithmetic": lambda x: tf.sqrt(tf.square(x) + 1.0) / tf.maximum(tf.abs(x), 0.5) - 2.0 * tf.exp(-x),
    "norms": lambda x: tf.math.l2_normalize(x, axis=-1),
    "activations": lambda x: tf.nn.softmax(tf.nn.leaky_relu(x)) + tf.sigmoid(x) + tf.nn.gelu(x),
    "choices": lambda x: tf.where(x > 0, x, tf.clip_by_value(x, -0.5, 0.5)),
    "axes": lambda x: tf.squeeze(tf.expand_dims(x, 1), 1) + tf.tile(x[:, :1], [1, 5, 1]),
    "stacks": lambda x: tf.stack(tf.unstack(x, axis=1), axis=2),
    "indices": lambda x: tf.gather(x, [0, 2], axis=1),
    "indices of each row": lambda x: tf.gather(x, tf.argmax(x, axis=1), batch_dims=1),
    "sums of products": lambda x: tf.einsum("btd,bsd->bts", x, x),
    "casts": lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32),
    "moments": lambda x: tf.nn.moments(x, axes=[1])[1],
    "variables": lambda x: tf.matmul(x, VARIABLE) + x * VARIABLE[0],
    "convolutions": lambda x: tf.nn.conv2d(x[..., None], tf.ones((2, 2, 1, 3)), strides=1, padding="SAME"),
    "pads": lambda x: tf.pad(x, [[0, 0], [1, 1], [0, 0]], constant_values=2.0),
}


@pytest.mark.parametrize("name", CALLS)
def test_functions_of_tensorflow_are_operations(agree: Agree, sequences: Any, name: str) -> None:
    """Which compute the same."""
    first = keras.Input((5, 6))
    agree(keras.Model(first, layers.Lambda(CALLS[name])(first)), sequences, tolerance=1e-6)
