"""A network with its weights, ready to run: one probe a selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.engine.compiled_selection import CompiledSelection
from models.engine.heap import held_bytes
from models.engine.initial_weights import initialize_weights
from models.engine.latest import Latest
from models.engine.plan import node_layers, parameter_bytes, parameter_count
from models.engine.seconds import Time, check_build
from models.engine.selected import Selected
from models.engine.symbolic_network import SymbolicNetwork, declared_shapes, outline, outline_of_batch
from models.engine.weights import load
from models.errors import Problem, TooLarge
from models.layers.layer import Shape
from models.networks.network import Network, Node
from models.weights.specs import WeightsFile

MAX_PROBES = 16
"""Most compiled functions kept for one model; the least recently used goes first."""
PROBE_BYTES = 1_500_000
"""What one compiled function is taken to cost at the least: measured at 1.0–1.6 MB for six layers."""
Shapes = tuple[tuple[str, Shape], ...]
"""Of inputs, by name."""


@dataclass
class BuiltModel:
    """An immutable network, and the probes of the selections that were asked for of late."""

    outline: SymbolicNetwork
    parameters: int
    weight_bytes: int
    built_bytes: int = 0
    """What it was counted to hold when it was built, its weights among it."""
    counts: dict[str, int] = field(default_factory=dict)
    outlines: Latest[Shapes, SymbolicNetwork] = field(default_factory=lambda: Latest(MAX_PROBES))
    selections: Latest[tuple[Shapes, tuple[str, ...]], Selected] = field(default_factory=lambda: Latest(MAX_PROBES))
    probes: Latest[tuple[tuple[str, ...], bool, bool], CompiledSelection] = field(
        default_factory=lambda: Latest(MAX_PROBES)
    )

    @property
    def network(self) -> Network:
        """The network this was built from."""
        return self.outline.network

    @property
    def nbytes(self) -> int:
        """What the model is taken to hold in memory: as counted, for layers and graphs may take more than weights."""
        least = self.weight_bytes + PROBE_BYTES * max(1, len(self.probes))
        return max(least, self.built_bytes + sum(probe.nbytes for probe in self.probes.values()))

    def probe(self, outputs: Sequence[str], training: bool, updates: bool) -> CompiledSelection:
        """The probe of a selection, made at the first ask."""
        key = (tuple(outputs), training, updates)
        return self.probes.get(key, lambda: CompiledSelection(self.outline, outputs, training, updates))

    def parameters_of(self, node: Node) -> int:
        """Parameters of the layers behind a node, counted once."""
        if node.address not in self.counts:
            layers = node_layers(self.outline, node).values()
            self.counts[node.address] = sum(parameter_count(layer.weights) for layer in layers)
        return self.counts[node.address]

    def selected(self, shapes: Mapping[str, Shape], outputs: Sequence[str]) -> Selected:
        """What is known of a selection on inputs of exactly these shapes."""
        key = (tuple(shapes.items()), tuple(outputs))
        return self.selections.get(key, lambda: Selected(self.concrete(shapes), tuple(outputs)))

    def concrete(self, shapes: Mapping[str, Shape]) -> SymbolicNetwork:
        """The outline on inputs of exactly these shapes."""
        return self.outlines.get(tuple(shapes.items()), lambda: self._concrete(shapes))

    def _concrete(self, shapes: Mapping[str, Shape]) -> SymbolicNetwork:
        """The built outline on this batch, where the batch is all that was free; else shaped anew."""
        batches = {shape[0] for shape in shapes.values()}
        if self.outline.is_fixed() and len(batches) == 1:
            return self.outline.on_batch(batches.pop() or 1)
        return outline_of_batch(self.network, shapes)


def build(
    network: Network, max_model_bytes: int, weights: WeightsFile | None = None, time: Time | None = None
) -> BuiltModel:
    """Shapes, then gives weights to, a network whose inputs are declared: those of a file, or drawn from its seed.

    Raises:
        InvalidDocument: when Keras refuses a layer.
        InvalidWeights: when the file is for another network.
        TooLarge: when the weights alone are over `max_model_bytes`, or cannot be drawn in time; none has been
            allocated then.
    """
    before = held_bytes()
    made = outline(network, declared_shapes(network))
    nbytes = parameter_bytes(made)
    if nbytes > max_model_bytes:
        problem = Problem(
            "", "the weights are over the limit", f"at most {max_model_bytes:,} bytes", f"{nbytes:,} bytes"
        )
        raise TooLarge("", [problem])
    if weights is None:
        if time is not None:
            check_build(made, time)
        initialize_weights(made)
    else:
        load(made, weights)
    count = sum(parameter_count(layer.weights) for layer in made.layers.values())
    return BuiltModel(made, count, nbytes, held_bytes() - before)
