"""A network as it is written: lists of layers within lists of layers, each with what it reads.

`Network` lists calls one by one and in order; here the calls of a layer are together, and addresses are those
of the list that the layer stands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.document import Block
from models.layers.layer import Layer
from models.network import Network, Node


@dataclass(frozen=True)
class Call:
    """What one call reads, as addresses within its list, and what it returns."""

    inputs: tuple[str, ...]
    keywords: Mapping[str, tuple[str | None, ...]]
    outputs: tuple[str, ...]
    node: Node


@dataclass(frozen=True)
class Member:
    """A layer of a list, with its calls; of a block, what is inside."""

    name: str
    layer: Layer
    calls: tuple[Call, ...]
    inner: Graph | None


@dataclass(frozen=True)
class Graph:
    """A list of layers: the names of its inputs and the tensors they stand for, its layers, what it returns."""

    inputs: Mapping[str, str]
    members: tuple[Member, ...]
    outputs: tuple[str, ...]


def graph_of(network: Network) -> Graph:
    """The outermost list of a network."""
    within: dict[str, list[Node]] = {}
    for node in network.nodes:
        within.setdefault(node.address.rpartition("/")[0], []).append(node)
    inputs = {name: name for name in network.inputs} or {"input": "input"}
    return _graph("", inputs, network.outputs, within)


def _graph(scope: str, inputs: Mapping[str, str], outputs: Sequence[str], within: Mapping[str, list[Node]]) -> Graph:
    """The list whose addresses begin with `scope`."""
    local = _Local(scope, {tensor: name for name, tensor in reversed(list(inputs.items()))})
    by_path: dict[str, list[Node]] = {}
    for node in within.get(scope, []):
        by_path.setdefault(node.path, []).append(node)
    members = tuple(_member(sorted(nodes, key=_number), local, within) for nodes in by_path.values())
    return Graph(inputs, members, tuple(local.name(tensor) for tensor in outputs))


def _member(nodes: Sequence[Node], local: _Local, within: Mapping[str, list[Node]]) -> Member:
    first = nodes[0]
    inner = None
    if isinstance(first.layer, Block):
        inputs = dict(zip(first.layer.input, first.given, strict=True))
        inner = _graph(first.address, inputs, first.inputs, within)
    calls = tuple(_call(node, local) for node in nodes)
    return Member(first.path.rpartition("/")[2], first.layer, calls, inner)


def _call(node: Node, local: _Local) -> Call:
    keywords = {
        name: tuple(None if one is None else local.name(one) for one in read) for name, read in node.keywords.items()
    }
    read = node.given if node.is_block else node.inputs
    return Call(local.names(read), keywords, local.names(node.outputs), node)


def _number(node: Node) -> int:
    """Which of its layer's calls this is."""
    return int(node.address.rpartition("/")[2].partition("@")[2] or 0)


@dataclass(frozen=True)
class _Local:
    """From a tensor's address to the one within a list."""

    scope: str
    inputs: Mapping[str, str]

    def name(self, address: str) -> str:
        return self.inputs.get(address) or address.removeprefix(f"{self.scope}/" if self.scope else "")

    def names(self, addresses: Sequence[str]) -> tuple[str, ...]:
        return tuple(self.name(address) for address in addresses)
