"""A network in its written form: nested lists of layers, each with what it reads.

`Network` lists calls one by one and in order; here the calls of a layer are together, and addresses are those
of the list that contains the layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.layers.block import Block
from models.layers.layer import Layer
from models.networks.network import Network, Node


@dataclass(frozen=True)
class CallForm:
    """One call: the addresses, within its list, of the tensors that it reads and returns."""

    inputs: tuple[str, ...]
    keywords: Mapping[str, tuple[str | None, ...]]
    outputs: tuple[str, ...]
    node: Node

    def named(self) -> dict[str, Any]:
        """Return its keyword arguments: an address, or several."""
        return {name: list(read) if name in self.node.listed else read[0] for name, read in self.keywords.items()}


@dataclass(frozen=True)
class Member:
    """A layer of a list, with its calls; of a block, also its inner graph."""

    name: str
    layer: Layer
    calls: tuple[CallForm, ...]
    inner: Graph | None

    @property
    def keywords(self) -> Any:
        """The keyword arguments of its calls, as a document writes them: None if there are none."""
        values = [call.named() for call in self.calls]
        return self._written(values) if any(values) else None

    @property
    def positional(self) -> Any:
        """The number of positional arguments of its calls, as a document writes it."""
        values = [call.node.positional for call in self.calls]
        return None if all(count is None for count in values) else self._written(values)

    @property
    def flags(self) -> dict[str, list[bool]]:
        """The flags in which its calls differ, a value for each."""
        values = {name: [getattr(call.node.layer, name) for call in self.calls] for name in sorted(self.layer.per_call)}
        return {name: listed for name, listed in values.items() if len(set(listed)) > 1}

    def _written(self, values: list[Any]) -> Any:
        """Return one value for one call, a list for several."""
        return values[0] if len(values) == 1 else values


@dataclass(frozen=True)
class Graph:
    """A list of layers: the names of its inputs, its layers, its outputs."""

    inputs: tuple[str, ...]
    members: tuple[Member, ...]
    outputs: tuple[str, ...]


def graph_of(network: Network) -> Graph:
    """Return the outermost list of a network."""
    within: dict[str, list[Node]] = {}
    for node in network.calls:
        within.setdefault(node.address.rpartition("/")[0], []).append(node)
    return _graph("", tuple(network.inputs) or ("input",), network.outputs, within)


def _graph(scope: str, inputs: Sequence[str], outputs: Sequence[str], within: Mapping[str, list[Node]]) -> Graph:
    """Return the list whose addresses begin with `scope`."""
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
    calls = tuple(CallForm(node.local.inputs, node.local.keywords, _local_outputs(node), node) for node in nodes)
    return Member(first.path.rpartition("/")[2], first.layer, calls, inner)


def _local_outputs(node: Node) -> tuple[str, ...]:
    """Return the outputs of a call, as addresses of its list."""
    scope = node.address.rpartition("/")[0]
    return tuple(output.removeprefix(f"{scope}/" if scope else "") for output in node.outputs)


def _number(node: Node) -> int:
    """Return the number of the call among those of its layer."""
    return int(node.address.rpartition("/")[2].partition("@")[2] or 0)
