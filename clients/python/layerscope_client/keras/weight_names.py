"""Weights of one of Keras' own layers, by the names that the service gives them."""

from __future__ import annotations

import re
from typing import Any

import keras

NUMBER = re.compile(r"_\d+$")
UNNAMED = re.compile(r"variable(_\d+)?")


def layer_weights(layer: keras.layers.Layer) -> dict[str, Any]:
    """Return the arrays of a layer in the order of `get_weights()`: `kernel`, `forward_lstm/lstm_cell/kernel`."""
    arrays: dict[str, Any] = {}
    for variable in layer.weights:
        name, number = _relative(variable, layer), 0
        unique = name
        while unique in arrays:
            number += 1
            head, _, tail = name.rpartition("/")
            unique = f"{head}_{number}/{tail}" if head else f"{name}_{number}"
        arrays[unique] = variable.numpy()
    return arrays


def own_name(variable: Any, layer: Any) -> str:
    """Return the name of a weight that a layer added itself. Where it gave none, Keras counts them by process,
    and the attribute that holds it is its name.
    """
    name = str(variable.name).rpartition("/")[2]
    if not UNNAMED.fullmatch(name):
        return name
    return next((held.lstrip("_") for held, value in vars(layer).items() if value is variable), "weight")


def _relative(variable: Any, layer: keras.layers.Layer) -> str:
    """Return the path of a variable in its layer; layers inside it have no number of the process."""
    parts = variable.path.split("/")
    inner = parts[len(parts) - parts[::-1].index(layer.name) :] if layer.name in parts else parts[-1:]
    return "/".join([*(NUMBER.sub("", part) for part in inner[:-1]), inner[-1]])
