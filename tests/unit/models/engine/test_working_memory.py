"""Working memory: internal tensors of layers count, estimates match measurements, and rejections have suggestions."""

from __future__ import annotations

from typing import Any

import pytest

from acceptance.working_memory import LARGE, Case, measured
from models.engine.admission import Bounds, admit
from models.engine.shaping import declared_shapes, shape_network
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.working_memory import inner_bytes, working_bytes
from models.errors import Problem, TooLarge
from models.layers import LAYERS
from models.networks.expansion import expand
from models.reading.parse import parse_document

GIBIBYTE = 1 << 30
ENOUGH = 10**18
SAMPLE = ("SeparableConv2D", "Attention", "MultiHeadAttention", "LSTM", "Conv3D", "Conv2DTranspose", "MelSpectrogram")
"""Types whose internal tensors are large; acceptance/working_memory.py has all types."""


def shape_layers(shape: list[int], *layers: dict[str, Any], batch: int = 1) -> SymbolicNetwork:
    """Shape a chain of layers."""
    network = expand(parse_document({"input": shape, "layers": list(layers)}))
    return shape_network(network, declared_shapes(network)).on_batch(batch)


def check(found: SymbolicNetwork, limit: int) -> None:
    """Admit a run of the whole network that sends nothing."""
    admit(found, dict.fromkeys(found.network.outputs, 0), Bounds(ENOUGH, limit, ENOUGH))


def refusal(found: SymbolicNetwork, limit: int) -> Problem:
    """Return why a run is not admitted."""
    with pytest.raises(TooLarge) as refused:
        check(found, limit)
    (only,) = refused.value.problems
    return only


SEPARABLE: list[tuple[list[int], dict[str, Any], int]] = [
    ([512, 512, 8], {"type": "SeparableConv2D", "filters": 1, "kernel_size": 1, "depth_multiplier": 700},
     512 * 512 * 8 * 700),
    ([100_000, 16], {"type": "SeparableConv1D", "filters": 1, "kernel_size": 1, "depth_multiplier": 1000},
     100_000 * 16 * 1000),
]  # fmt: skip
"""Small inputs and outputs, and the number of values between the two kernels."""


def test_separable_convolutions_with_large_intermediates_are_rejected() -> None:
    """With the layer's pointer and size; the suggested depth_multiplier is admitted."""
    for shape, layer, numbers in SEPARABLE:
        found = shape_layers(shape, {"type": "ReLU"}, layer)
        assert inner_bytes(found, found.network.nodes[1]) >= 4 * numbers
        problem = refusal(found, 2 * GIBIBYTE)
        assert problem.pointer == "/layers/1"
        assert problem.expected == "at most 2,147,483,648 bytes"
        words = str(problem.suggestion).split()
        assert words[:5] == ["a", "depth_multiplier", "of", "at", "most"]
        check(shape_layers(shape, {"type": "ReLU"}, {**layer, "depth_multiplier": int(words[5])}), 2 * GIBIBYTE)


def test_a_fitting_batch_is_suggested() -> None:
    """Attention scores grow with the square of the length and with the batch."""
    layers = {"type": "MultiHeadAttention", "num_heads": 8, "key_dim": 4, "inputs": ["input", "input"]}
    found = shape_layers([1000, 4], layers, batch=16)
    problem = refusal(found, GIBIBYTE // 2)
    rows = int(str(problem.suggestion).split()[5])
    check(found.on_batch(rows), GIBIBYTE // 2)


def test_sequential_layers_do_not_add_up() -> None:
    """In a chain the largest counts, in parallel branches all of them."""
    layer: dict[str, Any] = {"type": "SeparableConv2D", "filters": 4, "kernel_size": 3, "depth_multiplier": 50,
                             "padding": "same"}  # fmt: skip
    chain = shape_layers([64, 64, 4], layer, layer)
    ends = [{**layer, "name": name, "inputs": ["input"]} for name in "ab"]
    branches = shape_layers([64, 64, 4], *ends, {"type": "Add", "inputs": ["a", "b"]})
    inside = inner_bytes(chain, chain.network.nodes[0])
    outer = 4 * 64 * 64 * 4  # of each tensor
    assert working_bytes(chain, chain.network.nodes) == 3 * outer + inside
    assert working_bytes(branches, branches.network.nodes) == 4 * outer + 2 * inside


def test_training_only_layers_cost_in_training_only() -> None:
    """At inference a dropout is the identity."""
    found = shape_layers([1000], {"type": "Dropout", "rate": 0.5})
    (node,) = found.network.nodes
    assert inner_bytes(found, node) == 0
    assert inner_bytes(found, node, training=True) > 0


def test_blocks_on_steps_include_their_layers() -> None:
    """All steps of a sequence may be in memory at once."""
    block = {"type": "Block", "layers": [{"type": "Dense", "units": 1000}, {"type": "Dense", "units": 1}]}
    found = shape_layers([6, 4], {"type": "TimeDistributed", "layer": block}, batch=3)
    assert inner_bytes(found, found.network.nodes[0]) >= 4 * 3 * 6 * 1000


def test_measured_memory_matches_the_estimate() -> None:
    """At most 1.5 times plus 64 MiB: for the first run and for a compiled one."""
    types = {cls.type_name(): cls for cls in LAYERS}
    of = {name: (arguments, shapes) for name, arguments, shapes in reversed(LARGE)}
    taken = {name: measured(Case(types[name], *of[name])) for name in SAMPLE}
    assert {name: found for name, found in taken.items() if not found.fits} == {}
