"""The order in which Keras lists the layers of a Functional model, and so its weights.

Source: keras.src.ops.function.map_graph: by distance from the outputs, farthest first; at the same distance by
first visit of a depth-first walk from the outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from models.networks.network import Network, Node


@dataclass(frozen=True)
class OrderedLayer:
    """A layer in Keras' order, or a block, which Keras would nest as a model, with its layers."""

    node: Node
    inner: tuple[OrderedLayer, ...] = ()


def keras_order(network: Network) -> tuple[OrderedLayer, ...]:
    """Return the layers of a network as `model.layers` would list them; those no output needs are last, as written."""
    return _level(network, network.calls, "", network.outputs)


def layer_paths(layers: Iterable[OrderedLayer]) -> Iterator[str]:
    """Yield the paths of all layers except blocks, in order."""
    for layer in layers:
        if layer.node.is_block:
            yield from layer_paths(layer.inner)
        else:
            yield layer.node.path


def _level(network: Network, nodes: Iterable[Node], prefix: str, outputs: Iterable[str]) -> tuple[OrderedLayer, ...]:
    """Return the layers directly below one prefix of addresses."""
    graph = _Graph(network, [node for node in nodes if node.address.startswith(prefix)], prefix)
    return tuple(
        OrderedLayer(
            node,
            _own_weights(network, node) + _level(network, graph.inside[node.address], node.address + "/", node.inputs),
        )
        for node in graph.ordered(outputs)
    )


def _own_weights(network: Network, block: Node) -> tuple[OrderedLayer, ...]:
    """Return the weights of a block itself, which come before those of its layers, as in Keras."""
    return tuple(OrderedLayer(node) for node in network.own_weights.get(block.path, ())[:1])


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
        """Return the address of the call of this level that is or contains a node."""
        return self._prefix + node.address.removeprefix(self._prefix).partition("/")[0]

    def _predecessors(self, address: str) -> Iterator[str]:
        """Yield the calls of this level that a call reads, all inputs of a block included."""
        return self._items(self.nodes[address].flattened)

    def _items(self, tensors: Iterable[str]) -> Iterator[str]:
        owners = (self._network.node_of.get(tensor) for tensor in tensors)
        return (self._item(node) for node in owners if node and node.address.startswith(self._prefix))

    def ordered(self, outputs: Iterable[str]) -> list[Node]:
        """Return one call of each layer, the deepest first."""
        finished, first = self._walk(outputs)
        depth = self._depths(finished)
        reached = sorted(depth, key=lambda path: (-depth[path], first[path]))
        calls = {node.path: node for node in reversed(self.nodes.values())}
        return [calls[path] for path in [*reached, *(path for path in reversed(calls) if path not in depth)]]

    def _walk(self, outputs: Iterable[str]) -> tuple[list[str], Mapping[str, int]]:
        """Return the calls in post-order of a depth-first walk, and the order of first visits by layer."""
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
                stack += [(before, False) for before in reversed(list(self._predecessors(address)))]
        return list(finished), first

    def _depths(self, finished: list[str]) -> Mapping[str, int]:
        """Return each layer's greatest distance from the outputs."""
        calls: dict[str, int] = {}
        layers: dict[str, int] = {}
        for address in reversed(finished):
            path = self.nodes[address].path
            depth = max(calls.get(address, 0), layers.get(path, 0))
            layers[path] = depth
            for before in self._predecessors(address):
                calls[before] = max(depth + 1, calls.get(before, 0))
        return layers
