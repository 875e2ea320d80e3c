"""Networks of the blocks that a layer applies to every step of a sequence; their input is one step."""

from __future__ import annotations

from collections.abc import Mapping

from models.documents.document import Document
from models.documents.inputs import InputDType, InputSpec
from models.layers.block import Block
from models.layers.layer import Layer
from models.layers.sizes import Shape
from models.layers.wrapping import TimeDistributed
from models.networks.expansion import expand
from models.networks.network import Network

Tensors = Mapping[str, tuple[Shape, InputDType]]
"""Shape, the batch first, and dtype of every tensor by address, as in a plan."""


def step_network(block: Block, step: Shape, dtype: InputDType = "float32", seed: int = 0) -> Network:
    """Return the network of a block of one input, on inputs of the shape of `step`, whose first axis is the batch."""
    spec = InputSpec.model_construct(shape=list(step[1:]), dtype=dtype)
    return expand(
        Document.model_construct(layers=block.layers, input={block.input[0]: spec}, outputs=block.outputs, seed=seed)
    )


def step_networks(network: Network, tensors: Tensors) -> dict[str, Network]:
    """Return the step networks of a network with known tensors, by the path of the layer that applies them."""
    networks = {}
    for node in (node for node in network.calls if isinstance(node.layer, TimeDistributed)):
        shape, dtype = tensors[node.inputs[0]]
        block, step = block_in(node.layer, shape)
        if block is not None:
            networks[node.path] = step_network(block, step, dtype)
    return networks


def block_in(layer: Layer, shape: Shape) -> tuple[Block | None, Shape]:
    """Return the block inside wrappers, and the shape of the input that it is applied to."""
    while isinstance(layer, TimeDistributed):
        layer, shape = layer.layer, (shape[0], *shape[2:])
        if isinstance(layer, Block):
            return layer, shape
    return None, shape
