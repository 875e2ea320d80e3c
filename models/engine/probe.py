"""One compiled function from a network's inputs to the tensors that were asked for.

It is traced with a free batch (Keras broadcasts wrongly when it is traced with a batch of one), pruned
to the deepest tensor asked for, and cannot change the model: every layer runs inside a
`keras.StatelessScope`, so that training mode updates go to the reply instead of the weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.engine.activations import before_activation, joined
from models.engine.outline import Outline, as_list, call, named_tensors
from models.engine.refusals import refusing
from models.errors import Internal, InvalidDocument, InvalidOption, InvalidTensor, Problem, TooLarge
from models.layers.spatial import shape_text
from models.network import PRE, Node


class Probe:
    """A compiled selection. Tensors come back in the order of `outputs`, updates in the order of `updated`."""

    def __init__(self, outline: Outline, outputs: Sequence[str], training: bool, updates: bool) -> None:
        self.outputs = tuple(outputs)
        self._outline = outline
        self._training = training
        self._nodes = outline.needed(outputs)
        if training:
            _refuse_unrepeatable(self._nodes)
        self.updated: list[keras.Variable] = self._changing() if updates else []
        names = list(outline.network.inputs)
        signature = [
            tf.TensorSpec(outline.shape(name), outline.dtype(name), name=f"i{n}") for n, name in enumerate(names)
        ]
        function = tf.function(self._compute, input_signature=signature, autograph=False)
        self._compiled = function.get_concrete_function()

    def _changing(self) -> list[keras.Variable]:
        """The weights that a pass in training mode moves."""
        layers = {node.path: self._outline.layers[node.path] for node in self._nodes if not node.is_block}
        return [weight for layer in layers.values() for weight in layer.non_trainable_weights]

    def _compute(self, *inputs: Any) -> list[Any]:
        tensors: dict[str, Any] = dict(zip(self._outline.network.inputs, inputs, strict=True))
        with keras.StatelessScope() as scope:
            for number, node in enumerate(self._nodes):
                inputs_of_node = [tensors[address] for address in node.inputs]
                guarded = _guarded(node, number, inputs_of_node)
                tensors.update(self._node(node, guarded, named_tensors(node, tensors)))
            moved = [scope.get_current_value(variable) for variable in self.updated]
        kept = [variable.value if value is None else value for variable, value in zip(self.updated, moved, strict=True)]
        return [tf.identity(tensors[address]) for address in self.outputs] + kept

    def _node(self, node: Node, inputs: list[Any], named: Mapping[str, Any]) -> Mapping[str, Any]:
        """What one layer call computes, and what its fused activation was applied to."""
        if node.is_block:
            return dict(zip(node.outputs, inputs, strict=True))
        layer = self._outline.layers[node.path]
        with refusing(node), before_activation(layer) as before:
            results = as_list(call(node.layer, layer, inputs, named, self._training))
        found = dict(zip(node.outputs, results, strict=True))
        if before:
            found[node.address + PRE] = joined(before, results[0])
        return found

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        """The selected tensors, then the updated weights, for inputs in the order the network declares them.

        Raises:
            InvalidTensor: when a value is out of the range that a layer looks up.
            TooLarge: when memory runs out all the same.
        """
        try:
            return list(self._compiled(*[tf.convert_to_tensor(value) for value in inputs]))
        except tf.errors.InvalidArgumentError as error:
            raise _value_error(error, self._nodes) from error
        except tf.errors.ResourceExhaustedError as error:
            raise TooLarge("There is not enough memory for this request.") from error
        except (tf.errors.UnimplementedError, tf.errors.NotFoundError) as error:
            raise InvalidDocument(
                "TensorFlow has no implementation of a layer for its dtype on this device."
            ) from error


def _refuse_unrepeatable(nodes: Sequence[Node]) -> None:
    for node in nodes:
        if not node.layer.reproducible:
            message = f"{node.address}: {node.layer.type_name()} draws other numbers each time in training mode"
            raise InvalidOption("", [Problem("/training", message, "false", "true")])


IDS = re.compile(r"ids below (\d+) for node (\d+);")


def _guarded(node: Node, number: int, inputs: list[Any]) -> list[Any]:
    """The inputs of a layer, with ids checked before it sees them: TensorFlow accepts -1, 1.9 and NaN, and returns a
    wrong row.
    """
    bound = node.layer.id_bound()
    if bound is None:
        return inputs
    ids, *others = inputs
    wide = tf.cast(ids, tf.float64 if ids.dtype.is_floating else tf.int64)  # the bound may not fit the ids' own dtype
    message = f"ids below {bound} for node {number};"
    checks = [
        tf.debugging.assert_non_negative(wide, message=message),
        tf.debugging.assert_less(wide, tf.cast(bound, wide.dtype), message=message),
        tf.debugging.assert_equal(wide, tf.round(wide), message=message),
    ]
    with tf.control_dependencies(checks):
        return [tf.identity(ids), *others]


def _value_error(error: tf.errors.InvalidArgumentError, nodes: Sequence[Node]) -> InvalidTensor:
    found = IDS.search(error.message)
    if found is None:
        return InvalidTensor("", [Problem("/inputs", "TensorFlow refuses these values", "values the layers can use")])
    message = f"{nodes[int(found[2])].address} looks its input up in a table"
    expected = f"whole numbers from 0 to {int(found[1]) - 1}"
    return InvalidTensor("", [Problem("/inputs", message, expected, "a value that is not one of them")])


def checked(outline: Outline, outputs: Sequence[str], results: Sequence[Any]) -> None:
    """A result that is not the planned one is never sent: TensorFlow may return uninitialised memory."""
    for address, result in zip(outputs, results, strict=False):
        planned, computed = outline.shape(address), tuple(result.shape)
        if planned != computed or outline.dtype(address) != result.dtype.name:
            planned_text = f"{outline.dtype(address)} {shape_text(planned)}"
            raise Internal(f"{address}: planned {planned_text}, computed {result.dtype.name} {shape_text(computed)}")


def as_bytes(tensor: Any) -> memoryview:
    """A tensor's own memory as flat bytes, without a copy (`.numpy()` would copy)."""
    try:
        array = np.asarray(memoryview(tensor))
    except (BufferError, TypeError, ValueError):
        array = tensor.numpy()
    return array_bytes(array)


def array_bytes(array: np.ndarray) -> memoryview:
    """An array as flat bytes in C order; copied only where it does not lie so."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
