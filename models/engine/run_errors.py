"""Errors of a run: TensorFlow's, translated, and the refusal of layers that cannot be run in training mode."""

from __future__ import annotations

import re
from collections.abc import Sequence

import tensorflow as tf

from models.errors import InvalidOption, InvalidTensor
from models.networks.network import Node

KERNEL_ERRORS = (
    tf.errors.UnimplementedError, tf.errors.NotFoundError, tf.errors.AbortedError, tf.errors.FailedPreconditionError,
    tf.errors.OutOfRangeError,
)  # fmt: skip
"""Errors raised by kernels that are registered for more than they compute."""
IDS = re.compile(r"ids below (\d+) for node (\d+);")
"""The message of a range check of `models.engine.ids`: the bound, and the number of the call."""


def check_repeatable(nodes: Sequence[Node]) -> None:
    """Check that every layer draws the same numbers each time.

    Raises:
        InvalidOption: one does not in training mode.
    """
    for node in nodes:
        if not node.layer.reproducible:
            message = f"{node.address}: {node.layer.type_name()} draws other numbers each time in training mode"
            raise InvalidOption.at("/training", message, expected="false", received="true")


def value_error(error: tf.errors.InvalidArgumentError, nodes: Sequence[Node]) -> InvalidTensor:
    """Return the error of a value that a layer cannot compute with."""
    match = IDS.search(error.message)
    if match is None or int(match[2]) >= len(nodes):
        return InvalidTensor.at("/inputs", "TensorFlow refuses these values", expected="values the layers can use")
    message = f"{nodes[int(match[2])].address} looks its input up in a table"
    expected = f"whole numbers from 0 to {int(match[1]) - 1}"
    return InvalidTensor.at("/inputs", message, expected=expected, received="a value that is not one of them")
