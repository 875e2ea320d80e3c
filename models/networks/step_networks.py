"""Blocks that a layer applies to every step of a sequence: each is a network of its own, whose input is one step."""

from __future__ import annotations

from collections.abc import Mapping

from models.documents.document import Document
from models.documents.inputs import InputDType, InputSpec
from models.layers.block import Block
from models.layers.layer import Layer, Shape
from models.layers.wrapping import TimeDistributed
from models.networks.expansion import expand
from models.networks.network import Network

Tensors = Mapping[str, tuple[Shape, InputDType]]
"""The shape, the batch first, and the dtype of every tensor by address: what a plan says."""


def step_network(block: Block, step: Shape, dtype: InputDType = "float32", seed: int = 0) -> Network:
    """The network of a block of one input, on inputs of the shape of `step`, whose first axis is the batch."""
    spec = InputSpec.model_construct(shape=list(step[1:]), dtype=dtype)
    return expand(
        Document.model_construct(layers=block.layers, input={block.input[0]: spec}, outputs=block.outputs, seed=seed)
    )


def step_networks(network: Network, tensors: Tensors) -> dict[str, Network]:
    """Those of a network whose tensors are known, by the path of the layer that applies them."""
    found = {}
    for node in network.nodes:
        shape, dtype = tensors[node.inputs[0]]
        held, step = held_block(node.layer, shape)
        if held is not None:
            found[node.path] = step_network(held, step, dtype)
    return found


def held_block(layer: Layer, shape: Shape) -> tuple[Block | None, Shape]:
    """The block that wrappers around it apply, and the shape of what it is applied to."""
    while isinstance(layer, TimeDistributed):
        layer, shape = layer.layer, (shape[0], *shape[2:])
        if isinstance(layer, Block):
            return layer, shape
    return None, shape
