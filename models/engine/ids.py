"""Range checks of ids before a layer looks them up: TensorFlow accepts -1, 1.9 and NaN, and returns a wrong row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf

from models.layers.layer import Layer

UNKNOWN = -1
"""The call number while only shapes are computed."""
_number = ContextVar("_number", default=UNKNOWN)


@contextmanager
def call_number(number: int) -> Iterator[None]:
    """Set the number of the network's call that is computed in the block, with all that it calls."""
    token = _number.set(number)
    try:
        yield
    finally:
        _number.reset(token)


def guard_ids(layer: Layer, inputs: list[Any]) -> list[Any]:
    """Return the inputs of a layer with range checks on its ids: out of range, TensorFlow raises InvalidArgumentError
    with the number of the call. Names are client text, and never in the message.
    """
    bound = layer.id_bound()
    if bound is None:
        return inputs
    ids, *rest = inputs
    wide = tf.cast(ids, tf.float64 if ids.dtype.is_floating else tf.int64)  # the bound may not fit the ids' own dtype
    message = f"ids below {bound} for node {_number.get()};"
    checks = [
        tf.debugging.assert_non_negative(wide, message=message),
        tf.debugging.assert_less(wide, tf.cast(bound, wide.dtype), message=message),
        tf.debugging.assert_equal(wide, tf.round(wide), message=message),
    ]
    with tf.control_dependencies(checks):
        return [tf.identity(ids), *rest]
