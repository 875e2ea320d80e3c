"""Errors of a run: TensorFlow's, translated, and the refusal of layers that cannot be run in training mode."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import tensorflow as tf

from models.errors import InvalidOption, InvalidTensor
from models.layers.layer import Layer
from models.networks.network import Node

KERNEL_ERRORS = (
    tf.errors.UnimplementedError, tf.errors.NotFoundError, tf.errors.AbortedError, tf.errors.FailedPreconditionError,
    tf.errors.OutOfRangeError,
)  # fmt: skip
"""Errors raised by kernels that are registered for more than they compute."""
IDS = re.compile(r"ids below (\d+) for node (\d+);")
"""The message of a range check of `models.engine.ids`: the bound, and the number of the call."""


def check_training(nodes: Sequence[Node]) -> None:
    """Check that every layer, and what it holds, draws the same numbers each time and returns what the plan says.

    Raises:
        InvalidOption: one does not in training mode.
    """
    for node, layer in ((one, layer) for one in nodes for layer in _with_held(one.layer)):
        what = "draws other numbers each time in training mode"
        if not layer.same_shape_in_training:
            what = "returns another shape in training mode than at inference, where it keeps the whole image"
        if not (layer.reproducible and layer.same_shape_in_training):
            message, advice = f"{node.address}: {layer.type_name()} {what}", f"or a model without {layer.type_name()}"
            raise InvalidOption.at("/training", message, expected="false", received="true", suggestion=advice)


def _with_held(layer: Layer) -> Iterator[Layer]:
    """Yield a layer and those that it holds; a block's are nodes of their own, except inside other layers."""
    yield layer
    for value in vars(layer).values():
        for held in value if isinstance(value, list | tuple) else [value]:
            if isinstance(held, Layer):
                yield from _with_held(held)


def value_error(error: tf.errors.InvalidArgumentError, nodes: Sequence[Node]) -> InvalidTensor:
    """Return the error of a value that a layer cannot compute with."""
    match = IDS.search(error.message)
    if match is None or int(match[2]) >= len(nodes):
        return InvalidTensor.at("/inputs", "TensorFlow refuses these values", expected="values the layers can use")
    message = f"{nodes[int(match[2])].address} looks its input up in a table"
    expected = f"whole numbers from 0 to {int(match[1]) - 1}"
    return InvalidTensor.at("/inputs", message, expected=expected, received="a value that is not one of them")
