"""A network's Keras layers and symbolic shapes, without memory for its weights; `models.engine.shaping` creates it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import keras

from models.engine.layer_checks import check_inputs
from models.ipc.messages import TensorInGraph
from models.layers.batch_axis import BatchAxis
from models.layers.sizes import Shape, size_of
from models.networks.network import PRE, Network, Node
from models.tensors.dtypes import DTYPES

Specs = Mapping[str, keras.KerasTensor]
"""Symbolic tensors by address."""


@dataclass(frozen=True)
class SymbolicNetwork:
    """Every tensor's symbolic shape and batch axis by address; the layers with their uninitialised weights by path."""

    network: Network
    layers: Mapping[str, keras.Layer]
    specs: Specs
    batch_axes: Mapping[str, BatchAxis]
    calls: tuple[Node, ...]
    """The nodes, with constants in place of weights of blocks."""
    batch: int | None = None
    """Replaces a free batch; a network shaped once with a free batch is known for every batch."""
    _shapes: dict[str, Shape] = field(init=False, repr=False, compare=False, default_factory=dict)
    """The shapes that were asked for, by address: kept for as long as the batch is the same (`replace` begins anew)."""

    def on_batch(self, batch: int) -> SymbolicNetwork:
        """Return the same network on a batch of this size.

        Raises:
            InvalidDocument: a layer's checks refuse the batch.
        """
        network = replace(self, batch=batch)
        for call in self.calls:
            if not call.is_block:
                check_inputs(call, network.shapes(call.inputs), network.keyword_shapes(call))
        return network

    def is_fixed(self) -> bool:
        """Whether no dimension but the batch is free."""
        return all(
            length is not None
            for address, spec in self.specs.items()
            for axis, length in enumerate(spec.shape)
            if axis != self.batch_axes[address].position
        )

    def shape(self, address: str) -> Shape:
        """Return a tensor's shape as it is in the graph."""
        known = self._shapes.get(address)
        if known is None:
            known = self._shapes[address] = self.batch_axes[address].fill(tuple(self.specs[address].shape), self.batch)
        return known

    def reply_shape(self, address: str) -> Shape:
        """Return a tensor's shape as it is sent, the batch first."""
        return self.batch_axes[address].batch_first(self.shape(address), self.batch)

    def in_graph(self, address: str) -> TensorInGraph | None:
        """Return a tensor's shape in the graph, and its axes as sent; None where that is the same."""
        axis, shape = self.batch_axes[address], self.shape(address)
        return None if axis.is_plain else TensorInGraph(shape, axis.names(len(shape)))

    def keeps_batch_first(self, addresses: Iterable[str]) -> bool:
        """Whether these tensors have the batch first, and nothing else in its axis."""
        return all(self.batch_axes[address].is_plain for address in addresses)

    def dtype(self, address: str) -> str:
        """Return a tensor's dtype."""
        return str(self.specs[address].dtype)

    def nbytes(self, address: str) -> int:
        """Return a tensor's bytes; free dimensions count as one."""
        elements = size_of(tuple(dimension or 1 for dimension in self.reply_shape(address))) or 0
        return elements * DTYPES[self.dtype(address)].itemsize

    def needed(self, addresses: Sequence[str]) -> tuple[Node, ...]:
        """Return the nodes that must be computed for these tensors, in order."""
        needed = {address.removesuffix(PRE) for address in addresses}
        chosen = []
        for node in reversed(self.network.nodes):
            if needed & set(node.outputs):
                chosen.append(node)
                needed |= set(node.reads)
        return tuple(reversed(chosen))

    def keyword_shapes(self, node: Node) -> dict[str, tuple[Shape, ...]]:
        """Return the shapes of the tensors that a call reads by name."""
        given = {
            name: [address for address in addresses if address is not None] for name, addresses in node.keywords.items()
        }
        return {name: self.shapes(addresses) for name, addresses in given.items()}

    def shapes(self, addresses: Sequence[str]) -> tuple[Shape, ...]:
        """Return the shapes of several tensors."""
        return tuple(self.shape(address) for address in addresses)
