"""A traced function, called with the least overhead that TensorFlow allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context, execute  # private: pinned, and covered by tests
from tensorflow.python.framework import constant_op, ops  # private, too

INLINE = "SINGLE_THREADED_EXECUTOR"
"""TensorFlow's name for running operations one after the other on one thread (of its own, not the calling one)."""
FUNCTIONAL = ("While", "If", "Case", "For", "PartitionedCall")
"""Operations that hold functions, which that executor does not support; TensorFlow has two or more of each."""


class Compiled:
    """A function called by name, which skips the argument matching that `ConcreteFunction` repeats at each call: 250 µs
    instead of 336 for six small layers. (`tf.raw_ops.PartitionedCall` is as fast and leaks 235 kB for each function.)

    `inline` spares a chain of layers threads that could only hand over to each other: 418 µs become 275.
    """

    def __init__(self, compute: Callable[..., list[Any]], signature: Sequence[tf.TensorSpec], inline: bool) -> None:
        with without_gradients():
            self._function = tf.function(compute, input_signature=signature, autograph=False).get_concrete_function()
        self._name = self._function.name.decode()
        self._outputs = len(self._function.outputs)
        inline = inline and not any(op.type.endswith(FUNCTIONAL) for op in self._function.graph.get_operations())
        self._options = _options(INLINE if inline else "")
        self.captured = tuple(self._function.captured_inputs)
        """Captured tensors: the weights."""

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """Return the outputs, in order."""
        arguments = [*inputs, *self.captured]
        return list(execute.execute(self._name, self._outputs, arguments, self._options, context.context()))


def eager_tensor(value: Any) -> Any:
    """Return a NumPy array as a tensor, without the search for a conversion in `tf.convert_to_tensor`, which takes as
    long again as the conversion.
    """
    return constant_op.convert_to_eager_tensor(value, context.context())


@contextmanager
def without_gradients() -> Iterator[None]:
    """Drop the custom gradients (that of SiLU is one) of functions traced in the block: TensorFlow keeps each forever,
    and with it the graph and the weights that it was traced with.
    """
    registered = ops.gradient_registry._registry
    before = set(registered)
    try:
        yield
    finally:
        for name in registered.keys() - before:
            registered.pop(name, None)  # another thread's block may have removed it


def _options(executor: str) -> tuple[Any, ...]:
    """Return the function call options of TensorFlow's context as attributes, with another executor."""
    attributes = {**context.context().function_call_options.as_attrs(), "executor_type": executor}
    return tuple(part for pair in attributes.items() for part in pair)
