"""Batch axes of the tensors of a network: followed from call to call, and undone where a tensor leaves the graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from models.engine.layer_checks import layer_faults
from models.engine.symbolic_network import Specs
from models.errors import InvalidDocument
from models.layers.batch_axis import BatchAxis
from models.networks.network import PRE, Network, Node


def node_batch_axes(node: Node, specs: Specs, batch_axes: Mapping[str, BatchAxis]) -> dict[str, BatchAxis]:
    """Return the batch axis of each output of a call.

    Raises:
        InvalidDocument: the call would mix rows of the batch, or needs the batch first where it is not.
    """
    if node.is_block:
        return {output: batch_axes[address] for output, address in zip(node.outputs, node.inputs, strict=True)}
    shapes = tuple(tuple(specs[address].shape) for address in node.inputs)
    with layer_faults(node):
        axis = node.layer.batch_axis(shapes, [batch_axes[address] for address in node.reads])
    before = [node.address + PRE] if node.layer.has_activation() else []
    return dict.fromkeys([*node.outputs, *before], axis)


def check_outputs(network: Network, batch_axes: Mapping[str, BatchAxis]) -> None:
    """Check that the outputs of a network have the batch first, and nothing else in its axis."""
    for output in network.outputs:
        axis = batch_axes[output]
        if not axis.is_plain:
            received = f"the batch as axis {axis.position}" + (f", in {axis.rows} rows each" if axis.rows > 1 else "")
            raise InvalidDocument.at(
                network.node_of[output].pointer,
                f"{output}: an output of the network has the batch in another place than first",
                expected="an output of one row for each of the batch, which is the first axis",
                received=received,
                suggestion="reshape or transpose it back before the end",
            )


def batch_first(tensor: Any, axis: BatchAxis) -> Any:
    """Return a tensor with the batch first: `BatchAxis.batch_first` has its shape."""
    if axis.is_plain:
        return tensor
    place = axis.position
    if axis.rows > 1:
        shape = tf.shape(tensor)
        parts = [axis.outer] * (axis.outer > 1), [axis.inner] * (axis.inner > 1)
        tensor = tf.reshape(tensor, tf.concat([shape[:place], [*parts[0], -1, *parts[1]], shape[place + 1 :]], 0))
        place += len(parts[0])
    rank = len(tensor.shape)
    return tf.transpose(tensor, [place, *(other for other in range(rank) if other != place)])
