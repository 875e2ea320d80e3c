"""Names of the layers inside a layer: those that their author gave, or the attributes that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import keras
from keras.src.utils.naming import to_snake_case  # private: Keras' own rule

KEPT_BY_KERAS = frozenset({"_layers", "_metrics", "_tracker", "_functional"})
"""Attributes in which Keras itself lists layers; those of TensorFlow begin with `_self_`."""


def base_name(layer: Any, owner: Any, is_document: bool) -> str:
    """Return the name of a layer in the list of what `owner` computes.

    A name that Keras gave counts the layers of the whole process: it is kept in the summary of a model, its document,
    and replaced by that of an attribute elsewhere.
    """
    default = to_snake_case(type(layer).__name__)
    if not re.fullmatch(rf"{re.escape(default)}(_\d+)?", layer.name):
        return str(layer.name)
    if is_document and isinstance(owner, keras.Sequential | keras.src.models.Functional):
        return str(layer.name)
    return next((name for name, held in _held(owner) if held is layer), default)


def _held(owner: Any) -> Iterator[tuple[str, Any]]:
    """Yield the layers that a layer holds as attributes, alone and in lists and objects, with names for them."""
    if owner is None or isinstance(owner, keras.Sequential | keras.src.models.Functional):
        return
    for name, value in vars(owner).items():
        if name not in KEPT_BY_KERAS and not name.startswith("_self_"):
            yield from _layers(name.strip("_"), value)


def _layers(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, keras.layers.Layer):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _layers(f"{name}_{key}", item)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _layers(f"{name}_{number}", item)
