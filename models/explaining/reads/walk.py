"""From one element back to everything that it is computed from."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from models.explaining.reads.part import Part, every
from models.explaining.reads.pointwise import before_activation
from models.explaining.reads.registry import parts_of
from models.explaining.reads.rule import Reading
from models.networks.network import PRE, Network, Node

Shapes = Mapping[str, tuple[int, ...]]


def parts_read(
    network: Network, shapes: Shapes, address: str, index: Sequence[int], moved: Container[str] = ()
) -> dict[str, Part]:
    """Return the part of each input and of each earlier address that an element is computed from, in the order of the
    network; those it does not depend on are left out. `shapes` has the shape of every tensor, the batch first; inside
    the graph, the axes of those that are `moved` are others.
    """
    walk = _Walk(shapes, moved)
    walk.add(address, Part.of(index, shapes[address.removesuffix(PRE)]))
    for node in reversed(network.nodes):
        walk.through(node)
    order = [*network.inputs, *(name for node in network.calls for name in _addresses(node, network))]
    return {name: walk.parts[name] for name in order if name in walk.parts and name != address}


def _addresses(node: Node, network: Network) -> list[str]:
    before = node.address + PRE
    return [*([before] if before in network.pre_addresses else []), *node.outputs]


class _Walk:
    """The parts found so far."""

    def __init__(self, shapes: Shapes, moved: Container[str]) -> None:
        self.shapes, self.moved = shapes, moved
        self.parts: dict[str, Part] = {}

    def add(self, address: str, part: Part) -> None:
        """Add a part of a tensor to what is read of it."""
        if not part.is_empty:
            known = self.parts.get(address)
            self.parts[address] = part if known is None else known.joined(part)

    def through(self, node: Node) -> None:
        """Add what a call reads for the parts of its outputs that are known to be read."""
        if node.owns_weights:
            return
        if node.is_block:
            for output, source in zip(node.outputs, node.inputs, strict=True):
                if output in self.parts:
                    self.add(source, self.parts[output])
            return
        self._through_activation(node)
        before = node.address + PRE if node.layer.has_activation() else None
        for output in node.outputs:
            part = self.parts.get(before or output)
            if part is not None:
                self._add_inputs(node, output, part)

    def _through_activation(self, node: Node) -> None:
        """Add what the fused activation of a call reads."""
        part = self.parts.get(node.outputs[0])
        if part is not None and node.layer.has_activation():
            self.add(node.address + PRE, before_activation(part, _activation(node.layer)))

    def _add_inputs(self, node: Node, output: str, part: Part) -> None:
        if any(name in self.moved for name in (*node.inputs, output)):
            for name in node.inputs:
                self.add(name, part.loosened([every(length) for length in self.shapes[name]], known=False))
            return
        shapes = tuple(self.shapes[name] for name in node.inputs)
        found = parts_of(Reading(node.layer, part, shapes, self.shapes[output]))
        for name, one in zip(node.inputs, found, strict=True):
            self.add(name, one)
        for name in set(node.reads) - set(node.inputs):
            self.add(name, _rows(part, self.shapes[name]))


def _rows(part: Part, shape: tuple[int, ...]) -> Part:
    """Return the rows of a mask, or of another tensor that is read by name."""
    axes = [every(length) for length in shape]
    rows = [part.axes[0], *axes[1:]] if axes and len(axes[0]) == len(part.axes[0]) else axes
    return part.loosened(rows, known=False)


def _activation(layer: Any) -> Any:
    """Return the activation of a layer, or of the one that it wraps."""
    return layer.activation if hasattr(layer, "activation") else _activation(layer.layer)
