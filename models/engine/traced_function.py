"""A compiled function of a network's calls: its memory, and its errors in our words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from models.engine.compiled import Compiled
from models.engine.heap import held_bytes
from models.engine.run_errors import KERNEL_ERRORS, value_error
from models.engine.symbolic_network import SymbolicNetwork
from models.errors import InvalidDocument, TooLarge
from models.networks.network import Node

Weights = list[tuple[keras.Variable, Any]]
"""Variables, and the tensors that are read in their place."""


class TracedFunction:
    """`compute`, compiled; `nodes` are the calls that it makes."""

    def __init__(
        self, compute: Callable[..., list[Any]], signature: Sequence[tf.TensorSpec], nodes: Sequence[Node]
    ) -> None:
        self._nodes = nodes
        before = held_bytes()
        self._function = Compiled(compute, signature, inline=False)
        self.nbytes = max(0, held_bytes() - before)
        """Its memory, measured when it was compiled and at its first call."""
        self._is_counted = False

    def __call__(self, arguments: Sequence[Any]) -> list[Any]:
        """Return the results.

        Raises:
            InvalidTensor: a value is out of the range that a layer looks up.
            TooLarge: memory runs out all the same.
            InvalidDocument: TensorFlow computes a layer, or its gradient, not on this device.
        """
        try:
            return self._counted(arguments)
        except tf.errors.InvalidArgumentError as error:
            raise value_error(error, self._nodes) from error
        except tf.errors.ResourceExhaustedError as error:
            raise TooLarge("There is not enough memory for this request.") from error
        except KERNEL_ERRORS as error:
            raise InvalidDocument(
                "TensorFlow has no implementation of a layer, or of its gradient, for its dtype on this device."
            ) from error

    def _counted(self, arguments: Sequence[Any]) -> list[Any]:
        """Call the function; the first call creates its kernels, whose memory counts as the function's."""
        if self._is_counted:
            return self._function(arguments)
        before = held_bytes()
        results = self._function(arguments)
        own = sum(tensor.shape.num_elements() * tensor.dtype.size for tensor in results)
        self.nbytes, self._is_counted = self.nbytes + max(0, held_bytes() - before - own), True
        return results


def current_weights(symbolic: SymbolicNetwork, nodes: Sequence[Node]) -> Weights:
    """Return the weights of the layers that these nodes call, each once, with their current values."""
    layers = [symbolic.layers[node.path] for node in nodes if not node.is_block]
    variables = {id(variable): variable for layer in layers for variable in layer.variables}
    return [(variable, tf.identity(variable.value)) for variable in variables.values()]
