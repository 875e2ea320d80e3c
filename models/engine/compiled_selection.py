"""From a network's inputs to the tensors that were asked for: layer by layer at first, then as one compiled function.

It is traced with a free batch (Keras broadcasts wrongly when it is traced with a batch of one), pruned
to the deepest tensor asked for, and cannot change the model: every layer runs inside a
`keras.StatelessScope` on the weights as they are, so that training mode updates go to the reply.
Both ways give the same bits, because no optimiser rewrites the function (decision 0008).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from models.engine.activations import before_activation, joined
from models.engine.calling import as_list, call, named_tensors, read_tensors
from models.engine.compiled import Compiled
from models.engine.heap import held_bytes
from models.engine.ids import calling, guarded
from models.engine.parts import Part, divided, whole
from models.engine.refusals import refusing
from models.engine.symbolic_network import SymbolicNetwork
from models.errors import InvalidDocument, InvalidOption, InvalidTensor, Problem, TooLarge
from models.networks.network import PRE, Node

UNABLE = (
    tf.errors.UnimplementedError, tf.errors.NotFoundError, tf.errors.AbortedError, tf.errors.FailedPreconditionError,
    tf.errors.OutOfRangeError,
)  # fmt: skip
"""What kernels raise that are registered for more than they compute."""


Told = Callable[[Mapping[str, Any]], None]
"""Is called with what a part of a network gave, by address."""


class CompiledSelection:
    """A selection that can be run. Tensors come back in the order of `outputs`, updates in the order of `updated`.

    The first run of plain layers goes without a compiled function: six small layers take 4 ms instead of 27.

    Raises:
        InvalidOption: when the layers cannot be run in training mode.
        InvalidDocument: when Keras refuses a layer.
    """

    def __init__(self, outline: SymbolicNetwork, outputs: Sequence[str], training: bool, updates: bool) -> None:
        self.outputs = tuple(outputs)
        self._outline = outline
        self._training = training
        self._nodes = outline.needed(outputs)
        if training:
            _refuse_unrepeatable(self._nodes)
        self.updated: list[keras.Variable] = self._changing() if updates else []
        self._weights = [(one, tf.identity(one.value)) for layer in self._layers() for one in layer.variables]
        (self._whole,) = whole(outline, self._nodes, outputs)
        self._compiled: list[tuple[Part, Compiled]] = []
        self.nbytes = 0
        """What its functions hold, as counted when they were made and at their first run."""
        self._is_counted = True
        self._is_plain = all(self._runs_directly(node) for node in self._nodes)
        self._is_new = self._is_plain and not training
        if not self._is_new:
            self._compile()

    def _compile(self) -> list[tuple[Part, Compiled]]:
        parts = [self._whole] if self._training or _has_gpu() else divided(self._outline, self._nodes, self.outputs)
        before = held_bytes()
        self._compiled = [(part, self._function(part)) for part in parts]
        self.nbytes, self._is_counted = max(0, held_bytes() - before), False
        return self._compiled

    def _function(self, part: Part) -> Compiled:
        shape, dtype = self._outline.shape, self._outline.dtype
        signature = [tf.TensorSpec(shape(name), dtype(name), name=f"i{n}") for n, name in enumerate(part.reads)]
        return Compiled(partial(self._compute, part), signature, inline=self._is_chain() and not _has_gpu())

    def _is_chain(self) -> bool:
        """Whether there is nothing that could run beside something else."""
        pairs = zip(self._nodes, self._nodes[1:], strict=False)
        return self._is_plain and all(node.reads == before.outputs for before, node in pairs)

    def _runs_directly(self, node: Node) -> bool:
        """Whether this call is as its layer says; where shapes differ, one is broadcast."""
        alike = len({self._outline.shape(address)[1:] for address in node.inputs}) == 1
        return node.layer.runs_directly and not node.keywords and not node.masks and (alike or node.is_block)

    def _layers(self) -> list[keras.Layer]:
        """The layers that are called, each once."""
        return list({node.path: self._outline.layers[node.path] for node in self._nodes if not node.is_block}.values())

    def _changing(self) -> list[keras.Variable]:
        """The weights that a pass in training mode moves."""
        return [weight for layer in self._layers() for weight in layer.non_trainable_weights]

    def _compute(self, part: Part, *inputs: Any) -> list[Any]:
        tensors: dict[str, Any] = dict(zip(part.reads, inputs, strict=True))
        with keras.StatelessScope(state_mapping=self._weights) as scope:
            for number, node in enumerate(part.nodes, part.first):
                with calling(number):
                    inputs_of_node = guarded(node.layer, read_tensors(node, tensors))
                    tensors.update(self._node(node, inputs_of_node, named_tensors(node, tensors)))
            moved = [scope.get_current_value(variable) for variable in self.updated]
        return [tf.identity(tensors[address]) for address in part.writes] + moved

    def _node(self, node: Node, inputs: list[Any], named: Mapping[str, Any]) -> Mapping[str, Any]:
        """What one layer call computes, and what its fused activation was applied to."""
        if node.is_block:
            return dict(zip(node.outputs, inputs, strict=True))
        layer = self._outline.layers[node.path]
        with refusing(node), before_activation(layer) as before:
            results = as_list(call(node.layer, layer, inputs, named, self._training))
        found = dict(zip(node.outputs, results, strict=True))
        if before and node.address + PRE in self.outputs:
            found[node.address + PRE] = joined(before, results[0])
        return found

    def run(self, inputs: Sequence[Any], told: Told | None = None) -> list[Any]:
        """The selected tensors, then the updated weights, for inputs in the order the network declares them, each of
        its dtype or one that NumPy casts to it safely. Before each part of the network but the first runs, `told` is
        called with what the one before gave, by address.

        Raises:
            InvalidTensor: when a value is out of the range that a layer looks up.
            TooLarge: when memory runs out all the same.
        """
        specs = self._outline.network.inputs
        tensors = {name: _as_dtype(value, specs[name].dtype) for name, value in zip(specs, inputs, strict=True)}
        if self._is_new:
            self._is_new = False
            with suppress(InvalidDocument, tf.errors.OpError):  # the compiled function says it in our words
                return self._run([(self._whole, self._directly)], tensors, told)
        try:
            steps = self._compiled or self._compile()
            return self._run(steps, tensors, told) if self._is_counted else self._counted_run(steps, tensors, told)
        except tf.errors.InvalidArgumentError as error:
            raise _value_error(error, self._nodes) from error
        except tf.errors.ResourceExhaustedError as error:
            raise TooLarge("There is not enough memory for this request.") from error
        except UNABLE as error:
            raise InvalidDocument(
                "TensorFlow has no implementation of a layer for its dtype on this device."
            ) from error

    def _counted_run(
        self, steps: Sequence[tuple[Part, Compiled]], tensors: dict[str, Any], told: Told | None
    ) -> list[Any]:
        """The first run of compiled functions: their kernels are made, and may keep weights in another order."""
        before = held_bytes()
        found = self._run(steps, tensors, told)
        own = sum(tensor.shape.num_elements() * tensor.dtype.size for tensor in found)
        self.nbytes, self._is_counted = self.nbytes + max(0, held_bytes() - before - own), True
        return found

    def _directly(self, inputs: Sequence[Any]) -> list[Any]:
        return self._compute(self._whole, *inputs)

    def _run(
        self,
        steps: Sequence[tuple[Part, Callable[[Sequence[Any]], list[Any]]]],
        tensors: dict[str, Any],
        told: Told | None,
    ) -> list[Any]:
        given: dict[str, Any] = {}
        moved: list[Any] = []
        for part, function in steps:
            if told is not None and given:
                told(given)
            found = function([tensors[address] for address in part.reads])
            given, moved = dict(zip(part.writes, found, strict=False)), found[len(part.writes) :]
            tensors.update(given)
        return [tensors[address] for address in self.outputs] + moved


def _as_dtype(value: Any, dtype: str) -> Any:
    """A tensor of the input's dtype; what comes is of that, or safely cast to it."""
    tensor = tf.convert_to_tensor(value)
    return tensor if tensor.dtype.name == dtype else tf.cast(tensor, dtype)


def _has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


def _refuse_unrepeatable(nodes: Sequence[Node]) -> None:
    for node in nodes:
        if not node.layer.reproducible:
            message = f"{node.address}: {node.layer.type_name()} draws other numbers each time in training mode"
            raise InvalidOption("", [Problem("/training", message, "false", "true")])


IDS = re.compile(r"ids below (\d+) for node (\d+);")


def _value_error(error: tf.errors.InvalidArgumentError, nodes: Sequence[Node]) -> InvalidTensor:
    found = IDS.search(error.message)
    if found is None or int(found[2]) >= len(nodes):
        return InvalidTensor("", [Problem("/inputs", "TensorFlow refuses these values", "values the layers can use")])
    message = f"{nodes[int(found[2])].address} looks its input up in a table"
    expected = f"whole numbers from 0 to {int(found[1]) - 1}"
    return InvalidTensor("", [Problem("/inputs", message, expected, "a value that is not one of them")])
