"""Time estimates: runs that cannot meet the deadline are rejected in advance, with a pointer to the slow layer."""

from __future__ import annotations

from typing import Any

import pytest

from models.engine.admission import Bounds, admit
from models.engine.applications import construct_document
from models.engine.build import build
from models.engine.rates import SLOWEST, Rates, measure_rates
from models.engine.shaping import declared_shapes, shape_network
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.time_estimate import TOLERATED, TimeBudget, build_seconds
from models.errors import Problem, TooLarge
from models.networks.expansion import expand
from models.reading.applications import parse_application
from models.reading.parse import parse_document

FAST = Rates(**{name: 50 * rate for name, rate in SLOWEST.items()})
"""A machine on which no realistic network takes long."""
TIME = TimeBudget(FAST, deadline=30.0)
SLOW = TimeBudget(Rates(**SLOWEST), deadline=30.0)
ENOUGH = 10**18
BOUNDS = Bounds(ENOUGH, ENOUGH, ENOUGH, TIME)


def shape_layers(shape: list[int], *layers: dict[str, Any]) -> SymbolicNetwork:
    """Shape a chain of layers for a batch of one."""
    network = expand(parse_document({"input": shape, "layers": list(layers)}))
    return shape_network(network, declared_shapes(network)).on_batch(1)


def run(found: SymbolicNetwork, time: TimeBudget = TIME) -> float:
    """Return the time estimate of a run of the whole network."""
    bounds = Bounds(ENOUGH, ENOUGH, ENOUGH, time)
    return admit(found, dict.fromkeys(found.network.outputs, 0), bounds).seconds


def refusal(shape: list[int], *layers: dict[str, Any]) -> Problem:
    """Return why a network is not run."""
    with pytest.raises(TooLarge) as refused:
        run(shape_layers(shape, *layers))
    (only,) = refused.value.problems
    return only


ENDLESS: list[tuple[list[int], dict[str, Any], str]] = [
    ([2000, 2000, 1], {"type": "MaxPooling2D", "pool_size": 511, "strides": 1}, "pool_size"),
    ([160, 160, 160, 2], {"type": "MaxPooling3D", "pool_size": 64, "strides": 1}, "pool_size"),
    ([2000, 2000, 1], {"type": "AveragePooling2D", "pool_size": 511, "strides": 1}, "pool_size"),
    ([16, 16, 16, 4], {"type": "Conv3D", "filters": 4, "kernel_size": 2, "padding": "same", "dilation_rate": 1024},
     "dilation_rate"),
]  # fmt: skip
"""Networks with few multiply-adds that would run for minutes or hours, and the argument responsible."""


def test_slow_layers_are_rejected_with_a_fitting_argument() -> None:
    """The pointer is that of the layer, and the suggested value is admitted."""
    for shape, layer, argument in ENDLESS:
        problem = refusal(shape, {"type": "ReLU"}, layer)
        assert problem.pointer == "/layers/1", layer
        words = str(problem.suggestion).split()
        assert words[:5] == ["a", argument, "of", "at", "most"], problem.suggestion
        assert run(shape_layers(shape, {"type": "ReLU"}, {**layer, argument: int(words[5])})) < TIME.limit, layer


def test_estimates_have_a_tolerance() -> None:
    """A run estimated at up to TOLERATED times the deadline is admitted."""
    found = shape_layers([1000, 1000, 1], {"type": "MaxPooling2D", "pool_size": 101, "strides": 1})
    seconds = run(found)
    assert run(found, TimeBudget(FAST, seconds / TOLERATED * 1.01)) == seconds
    with pytest.raises(TooLarge):
        run(found, TimeBudget(FAST, seconds / TOLERATED * 0.99))


def test_slow_batches_are_rejected_with_a_fitting_size() -> None:
    """The suggested batch is admitted."""
    layer = {"type": "MaxPooling2D", "pool_size": 63, "strides": 1}
    found = shape_layers([500, 500, 1], layer).on_batch(4096)
    with pytest.raises(TooLarge) as refused:
        run(found)
    rows = int(str(refused.value.problems[0].suggestion).split()[5])
    assert 1 < rows < 4096
    assert run(found.on_batch(rows)) < TIME.deadline * 1.01


def test_slow_initializers_are_rejected() -> None:
    """An orthogonal matrix takes cubic time; another initializer is suggested."""
    layer = {"type": "Dense", "units": 30_000, "kernel_initializer": "orthogonal"}
    network = expand(parse_document({"input": [30_000], "layers": [layer]}))
    with pytest.raises(TooLarge) as refused:
        build(network, ENOUGH, None, TIME)
    (problem,) = refused.value.problems
    assert problem.pointer == "/layers/0"
    assert "GlorotUniform" in str(problem.suggestion)
    plain = {**layer, "kernel_initializer": "glorot_uniform"}
    assert build_seconds(shape_layers([30_000], plain), FAST) < TIME.deadline


def test_realistic_networks_are_admitted_on_the_slowest_machine() -> None:
    """The largest of keras.applications at their default size, and a long sequence."""
    for name in ("VGG19", "NASNetLarge"):
        document, _ = construct_document(parse_application({"application": name, "weights": None}))
        network = expand(document)
        found = shape_network(network, declared_shapes(network)).on_batch(1)
        assert run(found, SLOW) < SLOW.limit, name
    assert run(shape_layers([2000, 64], {"type": "LSTM", "units": 256}), SLOW) < SLOW.limit


def test_sequential_steps_count() -> None:
    """The time of a recurrence is proportional to its steps."""
    few, many = (run(shape_layers([steps, 2], {"type": "LSTM", "units": 2})) for steps in (100, 10_000))
    assert 50 < many / few < 200


def test_measured_rates_have_a_lower_bound() -> None:
    """So that a busy machine is not taken for a slow one."""
    rates = measure_rates()
    assert all(getattr(rates, name) >= rate for name, rate in SLOWEST.items())
