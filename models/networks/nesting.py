"""A network as it is written: lists of layers within lists of layers, each with what it reads.

`Network` lists calls one by one and in order; here the calls of a layer are together, and addresses are those
of the list that the layer stands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.layers.block import Block
from models.layers.layer import Layer
from models.networks.network import Network, Node


@dataclass(frozen=True)
class Call:
    """What one call reads, as addresses within its list, and what it returns."""

    inputs: tuple[str, ...]
    keywords: Mapping[str, tuple[str | None, ...]]
    outputs: tuple[str, ...]
    node: Node

    def named(self) -> dict[str, Any]:
        """What it reads by name: an address, or several."""
        return {name: list(read) if name in self.node.listed else read[0] for name, read in self.keywords.items()}


@dataclass(frozen=True)
class Member:
    """A layer of a list, with its calls; of a block, what is inside."""

    name: str
    layer: Layer
    calls: tuple[Call, ...]
    inner: Graph | None

    @property
    def keywords(self) -> Any:
        """What its calls read by name, as a document writes it: None where that is nothing."""
        each = [call.named() for call in self.calls]
        return self._written(each) if any(each) else None

    @property
    def positional(self) -> Any:
        """How many arguments its calls are given by position, as a document writes it."""
        each = [call.node.positional for call in self.calls]
        return None if all(count is None for count in each) else self._written(each)

    def _written(self, each: list[Any]) -> Any:
        """One value for one call, a list for several."""
        return each[0] if len(each) == 1 else each


@dataclass(frozen=True)
class Graph:
    """A list of layers: the names of its inputs, its layers, what it returns."""

    inputs: tuple[str, ...]
    members: tuple[Member, ...]
    outputs: tuple[str, ...]


def graph_of(network: Network) -> Graph:
    """The outermost list of a network."""
    within: dict[str, list[Node]] = {}
    for node in network.nodes:
        within.setdefault(node.address.rpartition("/")[0], []).append(node)
    return _graph("", tuple(network.inputs) or ("input",), network.outputs, within)


def _graph(scope: str, inputs: Sequence[str], outputs: Sequence[str], within: Mapping[str, list[Node]]) -> Graph:
    """The list whose addresses begin with `scope`."""
    by_path: dict[str, list[Node]] = {}
    for node in within.get(scope, []):
        by_path.setdefault(node.path, []).append(node)
    members = tuple(_member(sorted(nodes, key=_number), within) for nodes in by_path.values())
    return Graph(tuple(inputs), members, tuple(outputs))


def _member(nodes: Sequence[Node], within: Mapping[str, list[Node]]) -> Member:
    first = nodes[0]
    inner = None
    if isinstance(first.layer, Block):
        inner = _graph(first.address, first.layer.input, first.local.returned, within)
    calls = tuple(Call(node.local.inputs, node.local.keywords, _local_outputs(node), node) for node in nodes)
    return Member(first.path.rpartition("/")[2], first.layer, calls, inner)


def _local_outputs(node: Node) -> tuple[str, ...]:
    """What a call returns, as addresses of its list."""
    scope = node.address.rpartition("/")[0]
    return tuple(output.removeprefix(f"{scope}/" if scope else "") for output in node.outputs)


def _number(node: Node) -> int:
    """Which of its layer's calls this is."""
    return int(node.address.rpartition("/")[2].partition("@")[2] or 0)
