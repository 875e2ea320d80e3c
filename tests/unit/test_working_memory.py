"""Working memory: what layers have inside counts, is what is really taken, and is refused with what would fit."""

from __future__ import annotations

from typing import Any

import pytest

from acceptance.working_memory import LARGE, Case, measured
from models.engine.admission import Bounds, admit
from models.engine.symbolic_network import SymbolicNetwork, declared_shapes, outline
from models.engine.working import inner_bytes, working_bytes
from models.errors import Problem, TooLarge
from models.layers import LAYERS
from models.networks.expansion import expand
from models.reading.parse import parse_document

GIBIBYTE = 1 << 30
ENOUGH = 10**18
SAMPLE = ("SeparableConv2D", "Attention", "MultiHeadAttention", "LSTM", "Conv3D", "Conv2DTranspose", "MelSpectrogram")
"""The kinds of which the plan once knew nothing; acceptance/working_memory.py has all types."""


def outlined(shape: list[int], *layers: dict[str, Any], batch: int = 1) -> SymbolicNetwork:
    """The outline of a chain of layers."""
    network = expand(parse_document({"input": shape, "layers": list(layers)}))
    return outline(network, declared_shapes(network)).on_batch(batch)


def check(found: SymbolicNetwork, limit: int) -> None:
    """Admits a run of the whole network that sends nothing."""
    admit(found, dict.fromkeys(found.network.outputs, 0), Bounds(ENOUGH, limit, ENOUGH))


def refusal(found: SymbolicNetwork, limit: int) -> Problem:
    """Why a run is not admitted."""
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
"""Small inputs, small outputs, and how many numbers lie between the two kernels."""


def test_what_lies_between_the_kernels_of_a_separable_convolution_is_refused() -> None:
    """The layer is pointed at, its figure told, and the depth that is suggested fits."""
    for shape, layer, numbers in SEPARABLE:
        found = outlined(shape, {"type": "ReLU"}, layer)
        assert inner_bytes(found, found.network.nodes[1]) >= 4 * numbers
        problem = refusal(found, 2 * GIBIBYTE)
        assert problem.pointer == "/layers/1"
        assert problem.expected == "at most 2,147,483,648 bytes"
        words = str(problem.suggestion).split()
        assert words[:5] == ["a", "depth_multiplier", "of", "at", "most"]
        check(outlined(shape, {"type": "ReLU"}, {**layer, "depth_multiplier": int(words[5])}), 2 * GIBIBYTE)


def test_a_batch_that_fits_is_suggested() -> None:
    """Scores grow with the square of the length and with the batch; fewer rows fit."""
    layers = {"type": "MultiHeadAttention", "num_heads": 8, "key_dim": 4, "inputs": ["input", "input"]}
    found = outlined([1000, 4], layers, batch=16)
    problem = refusal(found, GIBIBYTE // 2)
    rows = int(str(problem.suggestion).split()[5])
    check(found.on_batch(rows), GIBIBYTE // 2)


def test_layers_that_run_one_after_the_other_do_not_add_up() -> None:
    """Of a chain the largest counts, of branches all of them."""
    layer: dict[str, Any] = {"type": "SeparableConv2D", "filters": 4, "kernel_size": 3, "depth_multiplier": 50,
                             "padding": "same"}  # fmt: skip
    chain = outlined([64, 64, 4], layer, layer)
    ends = [{**layer, "name": name, "inputs": ["input"]} for name in "ab"]
    branches = outlined([64, 64, 4], *ends, {"type": "Add", "inputs": ["a", "b"]})
    inside = inner_bytes(chain, chain.network.nodes[0])
    outer = 4 * 64 * 64 * 4  # of each tensor
    assert working_bytes(chain, chain.network.nodes) == 3 * outer + inside
    assert working_bytes(branches, branches.network.nodes) == 4 * outer + 2 * inside


def test_what_acts_in_training_alone_costs_then_alone() -> None:
    """At inference a dropout is the identity."""
    found = outlined([1000], {"type": "Dropout", "rate": 0.5})
    (node,) = found.network.nodes
    assert inner_bytes(found, node) == 0
    assert inner_bytes(found, node, training=True) > 0


def test_blocks_on_steps_count_what_is_inside_them() -> None:
    """The steps of a sequence may all be in hand at once."""
    block = {"type": "Block", "layers": [{"type": "Dense", "units": 1000}, {"type": "Dense", "units": 1}]}
    found = outlined([6, 4], {"type": "TimeDistributed", "layer": block}, batch=3)
    assert inner_bytes(found, found.network.nodes[0]) >= 4 * 3 * 6 * 1000


def test_a_run_takes_what_was_planned() -> None:
    """One and a half times that, and 64 MiB, at the most: of the first run, and of a compiled one."""
    types = {cls.type_name(): cls for cls in LAYERS}
    of = {name: (arguments, shapes) for name, arguments, shapes in reversed(LARGE)}
    taken = {name: measured(Case(types[name], *of[name])) for name in SAMPLE}
    assert {name: found for name, found in taken.items() if not found.fits} == {}
