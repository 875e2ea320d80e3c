"""A traced function, called with as little in between as TensorFlow has to offer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context  # private: pinned, and covered by tests

INLINE = "SINGLE_THREADED_EXECUTOR"
"""TensorFlow's name for running one operation after the other on the thread that asks."""
FUNCTIONAL = ("While", "If", "Case", "For", "PartitionedCall")
"""Operations that hold functions, which that way of running does not take; TensorFlow has two or more of each."""


class Compiled:
    """Called by its name, past the matching of arguments that `ConcreteFunction` repeats at each call: 263 µs instead
    of 336 for six small layers. (`tf.raw_ops.PartitionedCall` is as fast and leaks 235 kB for each function.)

    `inline` spares a chain of layers the threads that could only hand each other the next one: 418 µs become 275.
    """

    def __init__(self, compute: Callable[..., list[Any]], signature: Sequence[tf.TensorSpec], inline: bool) -> None:
        self._function = tf.function(compute, input_signature=signature, autograph=False).get_concrete_function()
        self._outputs = len(self._function.outputs)
        self._inline = inline and not any(op.type.endswith(FUNCTIONAL) for op in self._function.graph.get_operations())
        self.captured = tuple(self._function.captured_inputs)
        """What it holds besides its inputs: the weights."""

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """The outputs, in order."""
        with context.function_executor_type(INLINE) if self._inline else nullcontext():
            return list(context.context().call_function(self._function.name, [*inputs, *self.captured], self._outputs))
