"""Builds the networks of `cold_large` in Keras, with weights drawn anew, and calls each."""

from __future__ import annotations

import time

import keras
import numpy as np

from benchmarks.cold_large import FIRST, NETWORKS
from benchmarks.timings import cell, print_cells


def first(name: str) -> None:
    """The output of a network, built for this."""
    model = getattr(keras.applications, name)(weights=None)
    picture = np.random.default_rng(0).integers(0, 256, (1, *model.input_shape[1:])).astype(np.float32)
    model(picture).numpy()


if __name__ == "__main__":
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)])(np.zeros((1, 8, 8, 1)))  # as engines warm up
    cells = {}
    for name in NETWORKS:
        begun, processor = time.perf_counter(), time.process_time()
        first(name)
        milliseconds, seconds = (time.perf_counter() - begun) * 1000, time.process_time() - processor
        cells[f"{name}: {FIRST}"] = {**cell([milliseconds]), "cpu_ms": seconds * 1000}
    print_cells(cells)
