"""A network with its weights, ready to run, with one compiled function a selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.engine.compiled_selection import CompiledSelection
from models.engine.explaining.edited_selection import EditedSelection
from models.engine.explaining.edited_tensors import EditedTensor
from models.engine.explaining.traced_target import TracedTarget
from models.engine.heap import held_bytes
from models.engine.initial_weights import initialize_weights
from models.engine.plan import node_layers, parameter_bytes, parameter_count
from models.engine.selection_plan import SelectionPlan
from models.engine.shaping import declared_shapes, shape_batch, shape_network
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.time_estimate import TimeBudget, check_build
from models.engine.weights import load
from models.errors import TooLarge
from models.explaining.comparing.policy import under_policy
from models.layers.sizes import Shape
from models.lru_cache import LruCache
from models.networks.network import Network, Node
from models.weights.specs import WeightsFile

MAX_SELECTIONS = 16
"""Most compiled functions, plans and shaped networks kept for one model; the least recently used is evicted first."""
SELECTION_BYTES = 1_500_000
"""Least memory that one compiled function is assumed to cost: measured at 1.0–1.6 MB for six layers."""
SMALL, LAYER_BYTES = 16, 40_000
"""Most calls of a network whose memory beside weights is estimated, by that of a layer (those inside others count):
measured at 10,000 to 58,000 bytes. To count that of the process takes 5 % of the time of building six layers.
"""
Shapes = tuple[tuple[str, Shape], ...]
"""Input shapes by name."""


@dataclass
class BuiltModel:
    """An immutable network with a cache of its compiled selections."""

    symbolic: SymbolicNetwork
    parameters: int
    weight_bytes: int
    built_bytes: int = 0
    """Bytes when it was built, its weights included: measured, unless it is small."""
    counts: dict[str, int] = field(default_factory=dict)
    concrete_networks: LruCache[Shapes, SymbolicNetwork] = field(default_factory=lambda: LruCache(MAX_SELECTIONS))
    plans: LruCache[tuple[Shapes, tuple[str, ...]], SelectionPlan] = field(
        default_factory=lambda: LruCache(MAX_SELECTIONS)
    )
    compiled: LruCache[tuple[tuple[str, ...], bool, bool], CompiledSelection] = field(
        default_factory=lambda: LruCache(MAX_SELECTIONS)
    )
    edited: LruCache[Any, EditedSelection] = field(default_factory=lambda: LruCache(MAX_SELECTIONS))
    """Compiled functions of selections with edits, by all that tells them apart."""
    targets: LruCache[Any, TracedTarget] = field(default_factory=lambda: LruCache(MAX_SELECTIONS))
    """Compiled functions of targets, by all that tells them apart."""

    @property
    def network(self) -> Network:
        """The network this was built from."""
        return self.symbolic.network

    @property
    def nbytes(self) -> int:
        """Estimated memory of the model: as measured where larger, since layers and graphs may outweigh the weights."""
        functions = [one for cache in (self.compiled, self.edited, self.targets) for one in cache.values()]
        least = self.weight_bytes + SELECTION_BYTES * max(1, len(functions))
        return max(least, self.built_bytes + sum(function.nbytes for function in functions))

    def compiled_selection(self, outputs: Sequence[str], training: bool, updates: bool) -> CompiledSelection:
        """Return the compiled selection, created on first use."""
        key = (tuple(outputs), training, updates)
        return self.compiled.get_or_make(key, lambda: CompiledSelection(self.symbolic, outputs, training, updates))

    def edited_selection(
        self, outputs: Sequence[str], training: bool, edited: Sequence[EditedTensor]
    ) -> EditedSelection:
        """Return the compiled selection with edits of this structure, created on first use."""
        key = (tuple(outputs), training, tuple(one.structure for one in edited))
        return self.edited.get_or_make(key, lambda: EditedSelection(self.symbolic, outputs, training, edited))

    def compiled_with(self, outputs: Sequence[str]) -> CompiledSelection | None:
        """Return the smallest compiled selection that has these outputs; None if there is none."""
        known = [one for one in self.compiled.values() if one.is_reusable and set(outputs) <= set(one.outputs)]
        return min(known, key=lambda one: len(one.outputs), default=None)

    def parameters_of(self, node: Node) -> int:
        """Return the number of parameters of a node's layers; counted once."""
        if node.address not in self.counts:
            layers = node_layers(self.symbolic, node).values()
            self.counts[node.address] = sum(parameter_count(layer.weights) for layer in layers)
        return self.counts[node.address]

    def selection_plan(self, shapes: Mapping[str, Shape], outputs: Sequence[str]) -> SelectionPlan:
        """Return the plan of a selection on inputs of exactly these shapes."""
        key = (tuple(shapes.items()), tuple(outputs))
        return self.plans.get_or_make(key, lambda: SelectionPlan(self.concrete(shapes), tuple(outputs)))

    def concrete(self, shapes: Mapping[str, Shape]) -> SymbolicNetwork:
        """Return the network on inputs of exactly these shapes."""
        return self.concrete_networks.get_or_make(tuple(shapes.items()), lambda: self._concrete(shapes))

    def _concrete(self, shapes: Mapping[str, Shape]) -> SymbolicNetwork:
        """Return the built network on this batch where only the batch was free; otherwise shape the network again."""
        batches = {shape[0] for shape in shapes.values()}
        if self.symbolic.is_fixed() and len(batches) == 1:
            return self.symbolic.on_batch(batches.pop() or 1)
        return shape_batch(self.network, shapes)


def build(  # noqa: PLR0913, PLR0917 (what a model follows from, and its bounds)
    network: Network,
    max_model_bytes: int,
    weights: WeightsFile | None = None,
    time: TimeBudget | None = None,
    policy: str | None = None,
    shaped: SymbolicNetwork | None = None,
) -> BuiltModel:
    """Shape a network whose inputs are declared and give it weights: from a file, or drawn from its seed. Under another
    dtype policy it has the same weights, cast. If it is `shaped` already, that becomes the model's.

    Raises:
        InvalidDocument: Keras refuses a layer.
        InvalidWeights: the file is for another network.
        TooLarge: the weights alone exceed `max_model_bytes`, or cannot be drawn in time; nothing is allocated then.
    """
    is_small = len(network.nodes) <= SMALL
    held_before = 0 if is_small else held_bytes()
    own = shape_network(network, declared_shapes(network)) if shaped is None else shaped
    symbolic = own if policy is None else _under(network, policy)
    nbytes = parameter_bytes(symbolic)
    if nbytes > max_model_bytes:
        raise TooLarge.at(
            "",
            "the weights are over the limit",
            expected=f"at most {max_model_bytes:,} bytes",
            received=f"{nbytes:,} bytes",
        )
    like = None if policy is None else own
    if weights is not None:
        load(symbolic, weights, like)
    else:
        if time is not None:
            check_build(symbolic, time)
        initialize_weights(symbolic, like)
    count = sum(parameter_count(layer.weights) for layer in symbolic.layers.values())
    measured = nbytes if is_small else held_bytes() - held_before
    estimated = LAYER_BYTES * _layer_count(symbolic) if is_small or shaped is not None else 0
    return BuiltModel(symbolic, count, nbytes, measured + estimated)


def _under(network: Network, policy: str) -> SymbolicNetwork:
    changed = under_policy(network, policy)
    return shape_network(changed, declared_shapes(changed))


def _layer_count(symbolic: SymbolicNetwork) -> int:
    """Return the number of layers, those inside wrappers and blocks included."""
    return sum(1 for layer in symbolic.layers.values() for _ in layer._flatten_layers())  # private: pinned, tested
