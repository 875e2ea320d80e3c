"""The calls of a run, as findings see them, from its tensors by address."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from models.explaining.diagnosing.channel_axes import channel_axes
from models.explaining.diagnosing.channels import rms
from models.explaining.diagnosing.items import distinct_items
from models.explaining.diagnosing.layer_run import LayerRun
from models.images.scale import Scale
from models.layers.layer import Layer
from models.networks.network import PRE, Network, Node
from models.tensors.dtypes import FLOATS, Array

WeightsOf = Callable[[Node], Mapping[str, Array]]
"""Returns the weights of a call's layer, by its own names."""


def addresses_of(network: Network, nodes: Sequence[Node]) -> tuple[str, ...]:
    """Return the tensors that findings look at: what these calls read, what they return, and what is before their
    activations.
    """
    addresses = dict.fromkeys(
        address for node in nodes for address in (*node.inputs, *node.outputs, *_before(network, node))
    )
    return tuple(addresses)


def _before(network: Network, node: Node) -> tuple[str, ...]:
    address = node.address + PRE
    return (address,) if address in network.pre_addresses else ()


@dataclass(frozen=True)
class RunTensors:
    """The tensors of a run by address, its inputs by name, and its weights."""

    network: Network
    inputs: Mapping[str, Array]
    tensors: Mapping[str, Array]
    weights_of: WeightsOf

    def layer_runs(self, nodes: Sequence[Node]) -> Iterator[LayerRun]:
        """Yield these calls in order. `scale` is that of an input for the first call that reads it."""
        read, called = set[str](), set[str]()
        for node in nodes:
            fresh = [name for name in node.inputs if name in self.network.inputs and name not in read]
            scale = self.network.document.scale if fresh else None
            yield self._layer_run(node, scale, node.path in called)
            read.update(node.inputs)
            called.add(node.path)

    def _layer_run(self, node: Node, scale: Scale | None, is_repeated: bool) -> LayerRun:
        tensors = self.tensors
        return LayerRun(
            node.address,
            node.layer,
            tuple(tensors[address] for address in node.inputs),
            tuple(tensors[address] for address in node.outputs),
            tensors.get(node.address + PRE),
            self.weights_of(node),
            self._items,
            any(address in self._returned for address in node.outputs),
            tuple(address in self.network.inputs for address in node.inputs),
            tuple(reader for address in node.outputs for reader in self._readers.get(address, ())),
            scale,
            self._axes.get(node.outputs[0], -1),
            self._input_rms,
            is_repeated,
        )

    @cached_property
    def _items(self) -> int:
        return distinct_items(list(self.inputs.values()))

    @cached_property
    def _input_rms(self) -> float:
        sizes = [rms(array) for array in self.inputs.values() if array.dtype in FLOATS]
        return max(sizes, default=1.0)

    @cached_property
    def _axes(self) -> Mapping[str, int]:
        return channel_axes(self.network, self.tensors)

    @cached_property
    def _inside(self) -> Mapping[str, str]:
        """What the result of a block is inside it, by its address."""
        blocks = (node for node in self.network.nodes if node.is_block)
        return {output: read for node in blocks for output, read in zip(node.outputs, node.inputs, strict=True)}

    def _source(self, address: str) -> str:
        while address in self._inside:
            address = self._inside[address]
        return address

    @cached_property
    def _returned(self) -> frozenset[str]:
        """The outputs of the network, by the calls that compute them."""
        return frozenset(map(self._source, self.network.outputs))

    @cached_property
    def _readers(self) -> Mapping[str, tuple[Layer, ...]]:
        """The layers that read each tensor, also as the result of a block."""
        readers: dict[str, tuple[Layer, ...]] = {}
        for node in self.network.calls:
            if not node.is_block:
                for address in map(self._source, node.reads):
                    readers[address] = (*readers.get(address, ()), node.layer)
        return readers
