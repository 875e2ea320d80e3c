"""One pass through calls of a network, in a trace or directly: every tensor by address."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from keras.src.backend import get_keras_mask, set_keras_mask  # private: pinned, and covered by tests

from models.engine.activations import join_steps, record_activation_input
from models.engine.ids import call_number, guard_ids
from models.engine.layer_calls import as_list, call, named_tensors, read_tensors
from models.engine.layer_checks import translating_errors
from models.engine.symbolic_network import SymbolicNetwork
from models.networks.network import PRE, Node

Change = Callable[[str, Any], Any]
"""What becomes of the tensor of an address as soon as it is computed: all later calls read what it returns."""


class NetworkPass:
    """Computes calls one after the other. `recorded` are addresses of values before fused activations to keep."""

    def __init__(
        self, symbolic: SymbolicNetwork, training: bool, recorded: Collection[str], change: Change | None = None
    ) -> None:
        self._symbolic, self._training, self._recorded = symbolic, training, frozenset(recorded)
        self._change = change

    def compute(self, nodes: Sequence[Node], first: int, tensors: dict[str, Any]) -> None:
        """Add the outputs of calls to the tensors; `first` is the index of the first among all calls."""
        for number, node in enumerate(nodes, first):
            with call_number(number):
                inputs = guard_ids(node.layer, read_tensors(node, tensors))
                tensors.update(self._outputs(node, inputs, named_tensors(node, tensors)))

    def changed(self, address: str, tensor: Any) -> Any:
        """Return what becomes of a tensor, with the mask that Keras gave it."""
        if self._change is None:
            return tensor
        changed = self._change(address, tensor)
        if changed is not tensor and (mask := get_keras_mask(tensor)) is not None:
            set_keras_mask(changed, mask)
        return changed

    def _outputs(self, node: Node, inputs: list[Any], named: Mapping[str, Any]) -> Mapping[str, Any]:
        """Compute one layer call; returns its outputs and the input of its fused activation."""
        if node.is_block:
            return {out: self.changed(out, tensor) for out, tensor in zip(node.outputs, inputs, strict=True)}
        layer, before = self._symbolic.layers[node.path], node.address + PRE
        change = None if self._change is None or before not in self._recorded else partial(self._change, before)
        with translating_errors(node), record_activation_input(layer, change) as recorded:
            results = as_list(call(node.layer, layer, inputs, named, self._training))
        outputs = {out: self.changed(out, tensor) for out, tensor in zip(node.outputs, results, strict=True)}
        if recorded and before in self._recorded:
            outputs[before] = join_steps(recorded, results[0])
        return outputs
