"""Tuples and shapes, which the JSON inside a SavedModel has as objects, as the arrays of all other JSON of Keras 2.

Source: tf_keras.src.saving.legacy.saved_model.json_utils (Encoder, _encode_tuple).
"""

from __future__ import annotations

from typing import Any

CLASSES = ("__tuple__", "TensorShape")
KEYS = {"class_name", "items"}


def without_tuples(value: Any) -> Any:
    """Return a JSON value, whose nesting is checked, with arrays for tuples at any depth."""
    if isinstance(value, dict):
        if value.keys() == KEYS and value["class_name"] in CLASSES:
            return without_tuples(value["items"])
        return {key: without_tuples(item) for key, item in value.items()}
    return [without_tuples(item) for item in value] if isinstance(value, list) else value
