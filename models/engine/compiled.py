"""A traced function, called with as little in between as TensorFlow has to offer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context, execute  # private: pinned, and covered by tests
from tensorflow.python.framework import ops  # likewise

INLINE = "SINGLE_THREADED_EXECUTOR"
"""TensorFlow's name for running one operation after the other on the thread that asks."""
FUNCTIONAL = ("While", "If", "Case", "For", "PartitionedCall")
"""Operations that hold functions, which that way of running does not take; TensorFlow has two or more of each."""


class Compiled:
    """Called by its name, past the matching of arguments that `ConcreteFunction` repeats at each call: 250 µs instead
    of 336 for six small layers. (`tf.raw_ops.PartitionedCall` is as fast and leaks 235 kB for each function.)

    `inline` spares a chain of layers the threads that could only hand each other the next one: 418 µs become 275.
    """

    def __init__(self, compute: Callable[..., list[Any]], signature: Sequence[tf.TensorSpec], inline: bool) -> None:
        with without_gradients():
            self._function = tf.function(compute, input_signature=signature, autograph=False).get_concrete_function()
        self._name = self._function.name.decode()
        self._outputs = len(self._function.outputs)
        inline = inline and not any(op.type.endswith(FUNCTIONAL) for op in self._function.graph.get_operations())
        self._options = _options(INLINE if inline else "")
        self.captured = tuple(self._function.captured_inputs)
        """What it holds besides its inputs: the weights."""

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """The outputs, in order."""
        arguments = [*inputs, *self.captured]
        return list(execute.execute(self._name, self._outputs, arguments, self._options, context.context()))


@contextmanager
def without_gradients() -> Iterator[None]:
    """Forgets the gradients that functions traced in the block have of their own (that of SiLU is one): TensorFlow
    keeps each for ever, and with it the graph and the weights that it was traced with.
    """
    registered = ops.gradient_registry._registry
    before = set(registered)
    try:
        yield
    finally:
        for name in registered.keys() - before:
            registered.pop(name, None)  # another thread's block may have been first


def _options(executor: str) -> tuple[Any, ...]:
    """What TensorFlow's context says of function calls, as attributes of one, with another executor."""
    named = {**context.context().function_call_options.as_attrs(), "executor_type": executor}
    return tuple(part for pair in named.items() for part in pair)
