"""Activation functions that Keras 3 lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from models.layers.activation_names import KERAS2_HARD_SIGMOID


@keras.saving.register_keras_serializable("layerscope")  # type: ignore[untyped-decorator] # Bidirectional needs it
def keras2_hard_sigmoid(x: Any) -> Any:
    """Return clip(0.2 * x + 0.5, 0, 1), by the operations of Keras 2.

    Source: tf_keras.src.backend.hard_sigmoid.
    """
    x = tf.convert_to_tensor(x)
    return tf.clip_by_value(tf.add(tf.multiply(x, tf.cast(0.2, x.dtype)), tf.cast(0.5, x.dtype)), 0.0, 1.0)


FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {KERAS2_HARD_SIGMOID: keras2_hard_sigmoid}
"""By the name in a document."""
