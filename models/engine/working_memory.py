"""Peak memory of computing: every tensor of the network, and the internal tensors of layers while they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.engine.block_layer import BlockLayer, held_block
from models.engine.symbolic_network import SymbolicNetwork
from models.layers.sizes import Shape, size_of
from models.networks.network import Node
from models.tensors.dtypes import DTYPES

COMPUTED_BYTES = 4
"""Least bytes of a number inside a layer: half precision and small integers are partly computed as float32."""


def inner_bytes(symbolic: SymbolicNetwork, node: Node, training: bool = False) -> int:
    """Return the bytes of the tensors alive at once inside one call; free dimensions count as one."""
    if is_skipped(node, training):
        return 0
    block = held_block(symbolic.layers[node.path])
    if block is not None:
        return _inner_of_steps(block, symbolic.shape(node.inputs[0]))
    numbers = node.layer.inner(symbolic.shapes(node.inputs), symbolic.shapes(node.outputs))
    return numbers * _itemsize(symbolic, node)


def is_skipped(node: Node, training: bool) -> bool:
    """Whether a call computes nothing: it names the result of a block, or acts in training mode only."""
    return node.is_block or (node.layer.training_only and not training)


def _itemsize(symbolic: SymbolicNetwork, node: Node) -> int:
    """Return the bytes of a number inside a call."""
    addresses = (*node.inputs, *node.outputs)
    return max(COMPUTED_BYTES, *(DTYPES[symbolic.dtype(address)].itemsize for address in addresses))


def _inner_of_steps(block: BlockLayer, shape: Shape) -> int:
    """Return the internal bytes of a block applied to every step of this input: all steps may run at once."""
    step, steps = step_network_of(block, shape)
    nodes = step.network.nodes
    return (steps or 1) * sum(output_bytes(step, node) + inner_bytes(step, node) for node in nodes)


def step_network_of(block: BlockLayer, shape: Shape) -> tuple[SymbolicNetwork, int | None]:
    """Return a block on one step of an input of this shape, and the number of steps; None if that is free."""
    inner = block.built_network
    rank = len(inner.shape(next(iter(inner.network.inputs))))
    return inner.on_batch(shape[0] or 1), size_of(shape[1 : 1 + len(shape) - rank])


def output_bytes(symbolic: SymbolicNetwork, node: Node) -> int:
    """Return the bytes of a call's outputs; 0 for a block, which is counted inside."""
    return 0 if node.is_block else sum(symbolic.nbytes(output) for output in node.outputs)


def peak_inner(symbolic: SymbolicNetwork, nodes: Sequence[Node], training: bool = False) -> tuple[int, Node | None]:
    """Return the peak of internal bytes, and the call that has most of it. Calls at the same depth from the inputs may
    run at the same time.
    """
    inside = [inner_bytes(symbolic, node, training) for node in nodes]
    by_depth: dict[int, int] = {}
    for depth, nbytes in zip(_depths(nodes), inside, strict=True):
        by_depth[depth] = by_depth.get(depth, 0) + nbytes
    largest = max(range(len(nodes)), key=inside.__getitem__, default=None)
    return max(by_depth.values(), default=0), None if largest is None else nodes[largest]


def _depths(nodes: Sequence[Node]) -> Iterator[int]:
    """Yield for each call the length of the longest path of calls from the inputs to it, itself included."""
    depths: dict[str, int] = {}
    for node in nodes:
        depth = 1 + max((depths.get(address, 0) for address in node.reads), default=0)
        depths.update(dict.fromkeys(node.outputs, depth))
        yield depth


def working_bytes(symbolic: SymbolicNetwork, nodes: Sequence[Node], training: bool = False) -> int:
    """Return the peak bytes of computing these calls: the inputs they read, all their outputs, and the peak of internal
    tensors.
    """
    inputs = {address for node in nodes for address in node.reads} & set(symbolic.network.inputs)
    outer = sum(map(symbolic.nbytes, inputs)) + sum(output_bytes(symbolic, node) for node in nodes)
    return outer + peak_inner(symbolic, nodes, training)[0]


def is_known(symbolic: SymbolicNetwork, nodes: Sequence[Node]) -> bool:
    """Whether every shape is concrete, so that the figures are exact."""
    shapes = (symbolic.shape(address) for node in nodes for address in (*node.reads, *node.outputs))
    return all(size_of(shape) is not None for shape in shapes)
