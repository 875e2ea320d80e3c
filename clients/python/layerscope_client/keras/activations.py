"""Whether activation functions are those that their names say: Keras writes the name of any function."""

from __future__ import annotations

from functools import cache
from types import FunctionType
from typing import Any

import keras
import numpy as np

SAMPLE = np.random.default_rng(0).normal(scale=3, size=(16, 64)).astype("float32")
"""Numbers on which two functions that differ differ."""


def are_as_named(layer: keras.layers.Layer) -> bool:
    """Whether the activations of a layer, and of those inside it, compute what Keras' functions of these names do."""
    functions = [
        value
        for inner in layer._flatten_layers()
        for name, value in vars(inner).items()
        if name.endswith("activation") and isinstance(value, FunctionType)
    ]
    return all(map(_is_as_named, functions))


@cache
def _is_as_named(function: Any) -> bool:
    """Whether a function is Keras' of its name, or has its bits: `keras.ops.gelu` is another than `gelu`."""
    try:
        named = keras.activations.get(function.__name__)
        return named is function or np.array_equal(np.asarray(named(SAMPLE)), np.asarray(function(SAMPLE)))
    except Exception:  # there is none, or it takes something else than a tensor
        return False
