"""Architectures: documents with the networks that follow from them, each expanded once."""

from __future__ import annotations

from collections.abc import Mapping

from models.documents.document import Document
from models.documents.inputs import InputSpec
from models.documents.labels import labels_nbytes
from models.lru_cache import LruCache
from models.networks.expansion import expand
from models.networks.network import Network

KEPT_INPUTS = 2
"""Variants cached for a document that declares no inputs, one for each input shape in requests."""
NODE_BYTES = 2000
"""Memory of one layer call, measured: 800 in the network, and as much in the document."""

InputsKey = tuple[tuple[str | int | None, ...], ...]
"""The name, lengths and dtype of each input."""


class Architecture:
    """A document and its network; without declared inputs, also its variants for recent inputs."""

    def __init__(self, document: Document, network: Network | None = None) -> None:
        self.document, self._network = document, network
        self._variants: LruCache[InputsKey, Architecture] = LruCache(KEPT_INPUTS)

    @property
    def network(self) -> Network:
        """The expanded network.

        Raises:
            InvalidDocument: as `expand`.
        """
        if self._network is None:
            self._network = expand(self.document)
        return self._network

    def on_inputs(self, inputs: Mapping[str, InputSpec]) -> Architecture:
        """Return the same architecture with declared inputs."""
        key = tuple((name, *spec.shape, spec.dtype) for name, spec in inputs.items())
        return self._variants.get_or_make(key, lambda: Architecture(self.document.with_inputs(inputs)))

    @property
    def nbytes(self) -> int:
        """Approximate memory, including the variants.

        Raises:
            InvalidDocument: as `expand`.
        """
        variants = 0 if self.document.input else KEPT_INPUTS
        return NODE_BYTES * (1 + variants) * len(self.network.nodes) + labels_nbytes(self.document.labels)
