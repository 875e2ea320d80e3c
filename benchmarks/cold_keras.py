"""Builds the networks of `cold` in Keras and calls each eagerly, layer by layer, to have all outputs as arrays."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from benchmarks.cold import SIDE, WARM, sizes
from benchmarks.samples import Array
from benchmarks.timings import cell, print_cells, timed

PICTURE = tf.constant(np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 1)).astype(np.float32))


def outputs(kernel_size: int, filters: int, units: int) -> list[Array]:
    """Of all layers of a network, built for this."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            layers.Conv2D(filters, kernel_size, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(units, activation="softmax"),
        ]
    )
    values, value = [], PICTURE
    for layer in model.layers:
        value = layer(value)
        values.append(value.numpy())
    return values


if __name__ == "__main__":
    cells = {}
    for name, ones in sizes().items():
        times = [timed(outputs, *one) for one in ones]
        cells[f"{name} 1"] = cell(times[WARM:])
    print_cells(cells)
