"""What every server runs: one compiled function of any batch size that gives all the layers asked for."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from benchmarks.samples import Array, Sample


class Compiled:
    """A sample's network.

    `names` are the layers of its outputs in order, `shape` is its input's without the batch, and `function` takes a
    float32 tensor and gives tensors by layer.
    """

    def __init__(self, sample: Sample) -> None:
        model = keras.saving.load_model(sample.model)
        self.names = list(sample.expected)
        self.shape: tuple[int, ...] = model.input_shape[1:]
        probe = keras.Model(model.inputs[0], {name: model.get_layer(name).output for name in self.names})
        signature = tf.TensorSpec([None, *self.shape], tf.float32)
        self.function = tf.function(lambda x: probe(x, training=False)).get_concrete_function(signature)

    def __call__(self, batch: Array) -> dict[str, Array]:
        """The outputs of a batch by layer, in TensorFlow's own memory: `numpy()` would copy them."""
        tensor = tf.constant(batch)
        outputs = self.function(tensor if tensor.dtype == tf.float32 else tf.cast(tensor, tf.float32))
        return {name: np.asarray(memoryview(outputs[name])) for name in self.names}
