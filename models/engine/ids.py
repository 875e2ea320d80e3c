"""Ids checked before a layer looks them up: TensorFlow accepts -1, 1.9 and NaN, and returns a wrong row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf

from models.layers.layer import Layer

UNKNOWN = -1
"""The number of a call while only shapes are asked for."""
_number = ContextVar("_number", default=UNKNOWN)


@contextmanager
def calling(number: int) -> Iterator[None]:
    """A block in which a network's call of this number is computed, and all that is called inside it."""
    before = _number.set(number)
    try:
        yield
    finally:
        _number.reset(before)


def guarded(layer: Layer, inputs: list[Any]) -> list[Any]:
    """The inputs of a layer; where its ids are out of range, TensorFlow raises InvalidArgumentError with the number of
    the network's call. Names are a client's text, and never in it.
    """
    bound = layer.id_bound()
    if bound is None:
        return inputs
    ids, *others = inputs
    wide = tf.cast(ids, tf.float64 if ids.dtype.is_floating else tf.int64)  # the bound may not fit the ids' own dtype
    message = f"ids below {bound} for node {_number.get()};"
    checks = [
        tf.debugging.assert_non_negative(wide, message=message),
        tf.debugging.assert_less(wide, tf.cast(bound, wide.dtype), message=message),
        tf.debugging.assert_equal(wide, tf.round(wide), message=message),
    ]
    with tf.control_dependencies(checks):
        return [tf.identity(ids), *others]
