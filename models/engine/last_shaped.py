"""The network that was shaped last for a plan: registration plans what the first run then builds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from models.engine.shaping import declared_shapes
from models.engine.symbolic_network import SymbolicNetwork
from models.layers.sizes import Shape

MOST_CALLS = 1_500
"""Most calls of a network that is kept: its layers take 60 MB without their weights."""


class LastShaped:
    """One network at most, with the document that it was read from. It is given away, since a build fills its layers
    with weights; any build makes it leave. One thread may keep what another takes.
    """

    def __init__(self) -> None:
        self._kept: dict[bytes, SymbolicNetwork] = {}

    def keep(self, document: bytes, symbolic: SymbolicNetwork, shapes: Mapping[str, Shape]) -> None:
        """Keep a network that was shaped on inputs of these shapes, if a build would shape it on the same."""
        lengths = {name: (None, *shape[1:]) for name, shape in shapes.items()}
        is_built_so = len({shape[0] for shape in shapes.values()}) == 1 and lengths == declared_shapes(symbolic.network)
        few = len(symbolic.network.nodes) <= MOST_CALLS
        self._kept = {document: replace(symbolic, batch=None)} if is_built_so and few else {}

    def take(self, document: bytes) -> SymbolicNetwork | None:
        """Return the network of a document, if that is kept, and keep none."""
        kept, self._kept = self._kept, {}
        return kept.get(document)
