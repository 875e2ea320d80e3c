"""The order in which Keras lists the layers of a Functional model, and so its weights.

Source: keras.src.ops.function.map_graph: by distance from the outputs, farthest first; at the same distance by
first visit of a walk from the outputs, depth first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from models.networks.network import Network, Node


@dataclass(frozen=True)
class Placed:
    """A layer in Keras' order; a block, which Keras would nest as a model, with what is inside."""

    node: Node
    inner: tuple[Placed, ...] = ()


def keras_order(network: Network) -> tuple[Placed, ...]:
    """The layers of a network as `model.layers` would list them; what no output needs comes last, as written."""
    return _level(network, network.nodes, "", network.outputs)


def layer_paths(placed: Iterable[Placed]) -> Iterator[str]:
    """The paths of all layers that are no blocks, in order."""
    for one in placed:
        if one.node.is_block:
            yield from layer_paths(one.inner)
        else:
            yield one.node.path


def _level(network: Network, nodes: Iterable[Node], prefix: str, outputs: Iterable[str]) -> tuple[Placed, ...]:
    """The layers directly below one prefix of addresses."""
    graph = _Graph(network, [node for node in nodes if node.address.startswith(prefix)], prefix)
    return tuple(
        Placed(node, _level(network, graph.inside[node.address], node.address + "/", node.inputs))
        for node in graph.ordered(outputs)
    )


class _Graph:
    """The calls of one level and what each reads from others of the level."""

    def __init__(self, network: Network, nodes: Iterable[Node], prefix: str) -> None:
        self._network, self._prefix = network, prefix
        self.nodes: dict[str, Node] = {}
        self.inside: dict[str, list[Node]] = {}
        for node in nodes:
            address = self._item(node)
            self.inside.setdefault(address, []).append(node)
            if node.address == address:
                self.nodes[address] = node

    def _item(self, node: Node) -> str:
        """The address at this level of the call that a node is, or lies in."""
        return self._prefix + node.address.removeprefix(self._prefix).partition("/")[0]

    def _before(self, address: str) -> Iterator[str]:
        """The calls of this level that a call reads, all that are given to a block among them."""
        return self._items(self.nodes[address].flattened)

    def _items(self, tensors: Iterable[str]) -> Iterator[str]:
        owners = (self._network.node_of.get(tensor) for tensor in tensors)
        return (self._item(node) for node in owners if node and node.address.startswith(self._prefix))

    def ordered(self, outputs: Iterable[str]) -> list[Node]:
        """One call of each layer, the deepest first."""
        finished, first = self._walk(outputs)
        depth = self._depths(finished)
        reached = sorted(depth, key=lambda path: (-depth[path], first[path]))
        calls = {node.path: node for node in reversed(self.nodes.values())}
        return [calls[path] for path in [*reached, *(path for path in reversed(calls) if path not in depth)]]

    def _walk(self, outputs: Iterable[str]) -> tuple[list[str], Mapping[str, int]]:
        """The calls in the order in which a depth-first walk leaves them, and when it first entered each layer."""
        finished: dict[str, None] = {}
        first: dict[str, int] = {}
        entered: set[str] = set()
        stack = [(address, False) for address in reversed(list(self._items(outputs)))]
        while stack:
            address, done = stack.pop()
            if done:
                finished[address] = None
            elif address not in entered:
                entered.add(address)
                first.setdefault(self.nodes[address].path, len(first))
                stack.append((address, True))
                stack += [(before, False) for before in reversed(list(self._before(address)))]
        return list(finished), first

    def _depths(self, finished: list[str]) -> Mapping[str, int]:
        """Each layer's greatest distance from the outputs."""
        calls: dict[str, int] = {}
        layers: dict[str, int] = {}
        for address in reversed(finished):
            path = self.nodes[address].path
            depth = max(calls.get(address, 0), layers.get(path, 0))
            layers[path] = depth
            for before in self._before(address):
                calls[before] = max(depth + 1, calls.get(before, 0))
        return layers
