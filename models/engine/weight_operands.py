"""Weights of blocks among the tensors of an operation: constants stand for them, since they have no batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from models.engine.layer_checks import layer_faults
from models.layers.batch_axis import BatchAxis
from models.layers.faults import LayerFault
from models.layers.layer import Layer
from models.layers.operations import Operation
from models.networks.network import Node


def without_weights(node: Node, specs: Mapping[str, Any], batch_axes: Mapping[str, BatchAxis]) -> Node:
    """Return a call with constants of the same shapes in place of what follows from weights alone; unchanged if all of
    its tensors do, or none.

    Raises:
        InvalidDocument: it is no operation, or takes no constant there.
    """
    batched = [address for address in node.reads if batch_axes[address].exists]
    if node.is_block or len(batched) == len(node.reads):
        return node
    weights = {n: tuple(specs[name].shape) for n, name in enumerate(node.inputs) if name not in batched}
    inputs = tuple(address for address in node.inputs if address in batched)
    with layer_faults(node):
        operation = _operation(node.layer)
        return replace(node, layer=operation.with_weights(weights), inputs=inputs, masks=()) if batched else node


def _operation(layer: Layer) -> Operation:
    """Return a layer that reads weights, if it is an operation."""
    if isinstance(layer, Operation):
        return layer
    expected, received = "tensors with a batch", "a weight, or what follows from weights alone"
    raise LayerFault("inputs", "only operations read weights", expected, received, "use ops.add, ops.matmul, …")
