"""Division of a large selection into parts: results of the first layers are copied while later ones compute, and the
functions of the first layers are used before those of later ones are compiled.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from keras.src.backend import get_keras_mask  # private: pinned, and covered by a test

from models.engine.symbolic_network import SymbolicNetwork
from models.networks.network import PRE, Node

PART_BYTES = 8 << 20
"""A part ends with the layer at which its requested outputs reach this size, for one row of the batch."""

PART_CALLS = 64
"""Most calls of a part, where calls are counted: compiling them takes 0.2 seconds, and passing them on 0.3 ms."""


@dataclass(frozen=True)
class Part:
    """Consecutive calls computed together: what they read of inputs and earlier parts, and what they return."""

    nodes: tuple[Node, ...]
    first: int
    """Index of the first call among all calls."""
    reads: tuple[str, ...]
    writes: tuple[str, ...]


def single_part(symbolic: SymbolicNetwork, nodes: Sequence[Node], outputs: Sequence[str]) -> list[Part]:
    """Return all calls as one part."""
    return [_part(symbolic, nodes, 0, len(nodes), outputs)]


def split_parts(
    symbolic: SymbolicNetwork, nodes: Sequence[Node], outputs: Sequence[str], most_calls: float = inf
) -> list[Part]:
    """Split the calls into parts. Masks, which Keras attaches to tensors within one trace, keep them together."""
    if any(get_keras_mask(spec) is not None for spec in symbolic.specs.values()):
        return single_part(symbolic, nodes, outputs)
    return [
        _part(symbolic, nodes, *bounds, outputs)
        for bounds in pairwise(_boundaries(symbolic, nodes, outputs, most_calls))
    ]


def _boundaries(
    symbolic: SymbolicNetwork, nodes: Sequence[Node], outputs: Collection[str], most_calls: float
) -> list[int]:
    """Return the index at which each part starts, and the end of the last one."""
    boundaries, nbytes = [0], 0
    for number, node in enumerate(nodes[:-1], 1):
        nbytes += sum(symbolic.nbytes(address) for address in _addresses(node) if address in outputs)
        if nbytes >= PART_BYTES or number - boundaries[-1] >= most_calls:
            boundaries.append(number)
            nbytes = 0
    return [*boundaries, len(nodes)]


def _addresses(node: Node) -> tuple[str, ...]:
    """Return the addresses that one call can be selected by."""
    return (*node.outputs, node.address + PRE)


def _part(symbolic: SymbolicNetwork, nodes: Sequence[Node], begin: int, end: int, outputs: Sequence[str]) -> Part:
    part_nodes = tuple(nodes[begin:end])
    needed = {*outputs, *(address for node in nodes[end:] for address in node.reads)}
    inputs = [name for name in symbolic.network.inputs if name in outputs] if begin == 0 else []
    produced = [address for node in part_nodes for address in _addresses(node)]
    reads = [address for node in part_nodes for address in node.reads if address not in produced]
    writes = [address for address in produced if address in needed]
    return Part(part_nodes, begin, tuple(dict.fromkeys(inputs + reads)), tuple(dict.fromkeys(inputs + writes)))
