"""A large selection in parts: what the first layers give is copied for the client while the others compute."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from keras.src.backend import get_keras_mask  # private: pinned, and covered by a test

from models.engine.symbolic_network import SymbolicNetwork
from models.networks.network import PRE, Node

PART_BYTES = 8 << 20
"""A part ends with the layer that makes what is asked of it so large, for one row of the batch."""


@dataclass(frozen=True)
class Part:
    """Calls that are computed at one go: what they read of the inputs and of earlier parts, and what they give."""

    nodes: tuple[Node, ...]
    first: int
    """The number of the first call among all of them."""
    reads: tuple[str, ...]
    writes: tuple[str, ...]


def whole(outline: SymbolicNetwork, nodes: Sequence[Node], outputs: Sequence[str]) -> list[Part]:
    """All calls as one part."""
    return [_part(outline, nodes, 0, len(nodes), outputs)]


def divided(outline: SymbolicNetwork, nodes: Sequence[Node], outputs: Sequence[str]) -> list[Part]:
    """The calls in parts. Masks, which Keras hangs on tensors within one trace, keep them together."""
    if any(get_keras_mask(spec) is not None for spec in outline.specs.values()):
        return whole(outline, nodes, outputs)
    return [_part(outline, nodes, *ends, outputs) for ends in pairwise(_ends(outline, nodes, outputs))]


def _ends(outline: SymbolicNetwork, nodes: Sequence[Node], outputs: Collection[str]) -> list[int]:
    """Where the parts begin, and where the last one ends."""
    ends, nbytes = [0], 0
    for number, node in enumerate(nodes[:-1], 1):
        nbytes += sum(outline.nbytes(address) for address in _made(node) if address in outputs)
        if nbytes >= PART_BYTES:
            ends.append(number)
            nbytes = 0
    return [*ends, len(nodes)]


def _made(node: Node) -> tuple[str, ...]:
    """What one call can be asked for."""
    return (*node.outputs, node.address + PRE)


def _part(outline: SymbolicNetwork, nodes: Sequence[Node], begin: int, end: int, outputs: Sequence[str]) -> Part:
    inside = tuple(nodes[begin:end])
    wanted = {*outputs, *(address for node in nodes[end:] for address in node.reads)}
    inputs = [name for name in outline.network.inputs if name in outputs] if begin == 0 else []
    made = [address for node in inside for address in _made(node)]
    reads = [address for node in inside for address in node.reads if address not in made]
    writes = [address for address in made if address in wanted]
    return Part(inside, begin, tuple(dict.fromkeys(inputs + reads)), tuple(dict.fromkeys(inputs + writes)))
