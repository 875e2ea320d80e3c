"""Batch axes of the tensors of a network: followed from call to call, and undone where a tensor leaves the graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from models.engine.layer_checks import layer_faults
from models.engine.symbolic_network import Specs
from models.errors import InvalidDocument
from models.layers.batch_axis import ABSENT, BatchAxis
from models.layers.operations import Operation
from models.networks.network import PRE, Network, Node

BatchAxes = Mapping[str, BatchAxis]
"""The batch axis of each tensor by address."""


def node_batch_axes(node: Node, specs: Specs, batch_axes: BatchAxes) -> BatchAxes:
    """Return the batch axis of each output of a call, which has constants in place of weights.

    Raises:
        InvalidDocument: the call would mix rows of the batch, or needs the batch first where it is not.
    """
    if node.is_block:
        return {output: batch_axes[address] for output, address in zip(node.outputs, node.inputs, strict=True)}
    before = [node.address + PRE] if node.layer.has_activation() else []
    with layer_faults(node):
        return dict.fromkeys([*node.outputs, *before], _axis_after(node, specs, batch_axes))


def _axis_after(node: Node, specs: Specs, batch_axes: BatchAxes) -> BatchAxis:
    """Return the batch axis of the outputs of a layer."""
    read = node.inputs if isinstance(node.layer, Operation) else node.reads  # operations take no masks
    axes = [batch_axes[address] for address in read]
    if node.owns_weights or not any(axis.exists for axis in axes):
        return ABSENT
    return node.layer.batch_axis(tuple(tuple(specs[address].shape) for address in node.inputs), axes)


def check_outputs(network: Network, batch_axes: BatchAxes) -> None:
    """Check that the outputs of a network have the batch first, and nothing else in its axis."""
    for output in network.outputs:
        axis = batch_axes[output]
        if not axis.is_plain:
            raise InvalidDocument.at(
                network.node_of[output].pointer,
                f"{output}: an output of the network has the batch in another place than first",
                expected="an output of one row for each of the batch, which is the first axis",
                received=_described(axis),
                suggestion="reshape or transpose it back before the end",
            )


def _described(axis: BatchAxis) -> str:
    if not axis.exists:
        return "a tensor without a batch, which follows from weights alone"
    return f"the batch as axis {axis.position}" + (f", in {axis.rows} rows each" if axis.rows > 1 else "")


def batch_first(tensor: Any, axis: BatchAxis, batch: Any) -> Any:
    """Return a tensor with the batch first: `BatchAxis.batch_first` has its shape. `batch` is the number of rows."""
    if axis.is_plain:
        return tensor
    if not axis.exists:
        return tf.repeat(tensor[None], batch, axis=0)
    place = axis.position
    if axis.rows > 1:
        shape = tf.shape(tensor)
        parts = [axis.outer] * (axis.outer > 1), [axis.inner] * (axis.inner > 1)
        tensor = tf.reshape(tensor, tf.concat([shape[:place], [*parts[0], -1, *parts[1]], shape[place + 1 :]], 0))
        place += len(parts[0])
    rank = len(tensor.shape)
    return tf.transpose(tensor, [place, *(other for other in range(rank) if other != place)])
