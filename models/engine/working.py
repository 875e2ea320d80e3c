"""The memory that computing takes: every tensor of the network, and what layers have inside while they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.engine.block_layer import BlockLayer, held_block
from models.engine.symbolic_network import SymbolicNetwork
from models.layers.layer import Shape, size_of
from models.networks.network import Node
from models.tensors.dtypes import DTYPES

COMPUTED_BYTES = 4
"""Of a number inside a layer at the least: half precision and small integers are computed with as float32 in places."""


def inner_bytes(outline: SymbolicNetwork, node: Node, training: bool = False) -> int:
    """Bytes of the tensors that are there at once inside one call; free dimensions count as one."""
    if is_passed_over(node, training):
        return 0
    block = held_block(outline.layers[node.path])
    if block is not None:
        return _inner_of_steps(block, outline.shape(node.inputs[0]))
    numbers = node.layer.inner(outline.shapes(node.inputs), outline.shapes(node.outputs))
    return numbers * _itemsize(outline, node)


def is_passed_over(node: Node, training: bool) -> bool:
    """Whether a call computes nothing: it names what a block returns, or acts in training mode alone."""
    return node.is_block or (node.layer.training_only and not training)


def _itemsize(outline: SymbolicNetwork, node: Node) -> int:
    """Bytes of a number inside a call."""
    addresses = (*node.inputs, *node.outputs)
    return max(COMPUTED_BYTES, *(DTYPES[outline.dtype(address)].itemsize for address in addresses))


def _inner_of_steps(block: BlockLayer, shape: Shape) -> int:
    """Of a block that is applied to every step of an input of this shape: all steps may run at once."""
    one, steps = step_outline(block, shape)
    nodes = one.network.nodes
    return (steps or 1) * sum(output_bytes(one, node) + inner_bytes(one, node) for node in nodes)


def step_outline(block: BlockLayer, shape: Shape) -> tuple[SymbolicNetwork, int | None]:
    """A block as it is applied to one step of an input of this shape, and how many steps there are: None where that is
    free.
    """
    inner = block.built_outline
    rank = len(inner.shape(next(iter(inner.network.inputs))))
    return inner.on_batch(shape[0] or 1), size_of(shape[1 : 1 + len(shape) - rank])


def output_bytes(outline: SymbolicNetwork, node: Node) -> int:
    """Bytes of what a call returns; a block's are counted inside it."""
    return 0 if node.is_block else sum(outline.nbytes(output) for output in node.outputs)


def peak_inner(outline: SymbolicNetwork, nodes: Sequence[Node], training: bool = False) -> tuple[int, Node | None]:
    """The most that calls have inside at once, and the call that has most of it. Calls that are as many steps from the
    inputs as each other may run at the same time.
    """
    inside = [inner_bytes(outline, node, training) for node in nodes]
    together: dict[int, int] = {}
    for depth, nbytes in zip(_depths(nodes), inside, strict=True):
        together[depth] = together.get(depth, 0) + nbytes
    largest = max(range(len(nodes)), key=inside.__getitem__, default=None)
    return max(together.values(), default=0), None if largest is None else nodes[largest]


def _depths(nodes: Sequence[Node]) -> Iterator[int]:
    """How many calls lie on the longest way from the inputs to each of them, itself included."""
    of: dict[str, int] = {}
    for node in nodes:
        depth = 1 + max((of.get(address, 0) for address in node.reads), default=0)
        of.update(dict.fromkeys(node.outputs, depth))
        yield depth


def working_bytes(outline: SymbolicNetwork, nodes: Sequence[Node], training: bool = False) -> int:
    """Bytes that computing these calls takes at the most: what they read of the inputs, all that they return, and the
    most that lies inside at once.
    """
    inputs = {address for node in nodes for address in node.reads} & set(outline.network.inputs)
    outer = sum(map(outline.nbytes, inputs)) + sum(output_bytes(outline, node) for node in nodes)
    return outer + peak_inner(outline, nodes, training)[0]


def is_known(outline: SymbolicNetwork, nodes: Sequence[Node]) -> bool:
    """Whether every shape is concrete, so that figures mean what they say."""
    shapes = (outline.shape(address) for node in nodes for address in (*node.reads, *node.outputs))
    return all(size_of(shape) is not None for shape in shapes)
