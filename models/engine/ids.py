"""Ids checked before a layer looks them up: TensorFlow accepts -1, 1.9 and NaN, and returns a wrong row."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from models.layers.layer import Layer


def guarded(layer: Layer, inputs: list[Any], where: str) -> list[Any]:
    """The inputs of a layer; where its ids are out of range, TensorFlow raises InvalidArgumentError, naming `where`."""
    bound = layer.id_bound()
    if bound is None:
        return inputs
    ids, *others = inputs
    wide = tf.cast(ids, tf.float64 if ids.dtype.is_floating else tf.int64)  # the bound may not fit the ids' own dtype
    message = f"ids below {bound} for {where};"
    checks = [
        tf.debugging.assert_non_negative(wide, message=message),
        tf.debugging.assert_less(wide, tf.cast(bound, wide.dtype), message=message),
        tf.debugging.assert_equal(wide, tf.round(wide), message=message),
    ]
    with tf.control_dependencies(checks):
        return [tf.identity(ids), *others]
