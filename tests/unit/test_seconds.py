"""Estimated time: what cannot end within the deadline is refused before it is begun, at the layer that takes it."""

from __future__ import annotations

from typing import Any

import pytest

from models.engine.admission import Bounds, admit
from models.engine.applications import construct_document
from models.engine.build import build
from models.engine.rates import SLOWEST, Rates, measure_rates
from models.engine.seconds import TOLERATED, TimeBudget, build_seconds
from models.engine.symbolic_network import SymbolicNetwork, declared_shapes, outline
from models.errors import Problem, TooLarge
from models.networks.expansion import expand
from models.reading.applications import parse_application
from models.reading.parse import parse_document

FAST = Rates(**{name: 50 * rate for name, rate in SLOWEST.items()})
"""A machine at which nothing honest takes long."""
TIME = TimeBudget(FAST, deadline=30.0)
SLOW = TimeBudget(Rates(**SLOWEST), deadline=30.0)
ENOUGH = 10**18
BOUNDS = Bounds(ENOUGH, ENOUGH, ENOUGH, TIME)


def outlined(shape: list[int], *layers: dict[str, Any]) -> SymbolicNetwork:
    """The outline of a chain of layers on a batch of one."""
    network = expand(parse_document({"input": shape, "layers": list(layers)}))
    return outline(network, declared_shapes(network)).on_batch(1)


def run(found: SymbolicNetwork, time: TimeBudget = TIME) -> float:
    """The estimate of a run of the whole network."""
    bounds = Bounds(ENOUGH, ENOUGH, ENOUGH, time)
    return admit(found, dict.fromkeys(found.network.outputs, 0), bounds)


def refusal(shape: list[int], *layers: dict[str, Any]) -> Problem:
    """Why a network is not run."""
    with pytest.raises(TooLarge) as refused:
        run(outlined(shape, *layers))
    (only,) = refused.value.problems
    return only


ENDLESS: list[tuple[list[int], dict[str, Any], str]] = [
    ([2000, 2000, 1], {"type": "MaxPooling2D", "pool_size": 511, "strides": 1}, "pool_size"),
    ([160, 160, 160, 2], {"type": "MaxPooling3D", "pool_size": 64, "strides": 1}, "pool_size"),
    ([2000, 2000, 1], {"type": "AveragePooling2D", "pool_size": 511, "strides": 1}, "pool_size"),
    ([16, 16, 16, 4], {"type": "Conv3D", "filters": 4, "kernel_size": 2, "padding": "same", "dilation_rate": 1024},
     "dilation_rate"),
]  # fmt: skip
"""Networks without many multiply-adds that would run for minutes or hours, and what makes them so."""


def test_what_would_run_for_minutes_is_refused_with_what_would_fit() -> None:
    """The layer is pointed at, and taking the advice helps."""
    for shape, layer, argument in ENDLESS:
        problem = refusal(shape, {"type": "ReLU"}, layer)
        assert problem.pointer == "/layers/1", layer
        words = str(problem.suggestion).split()
        assert words[:5] == ["a", argument, "of", "at", "most"], problem.suggestion
        assert run(outlined(shape, {"type": "ReLU"}, {**layer, argument: int(words[5])})) < TIME.limit, layer


def test_estimates_may_be_wrong_by_as_much_as_is_tolerated() -> None:
    """What is estimated at twice the deadline is begun, for it may end in time."""
    found = outlined([1000, 1000, 1], {"type": "MaxPooling2D", "pool_size": 101, "strides": 1})
    seconds = run(found)
    assert run(found, TimeBudget(FAST, seconds / TOLERATED * 1.01)) == seconds
    with pytest.raises(TooLarge):
        run(found, TimeBudget(FAST, seconds / TOLERATED * 0.99))


def test_batches_that_would_take_too_long_are_refused_with_one_that_would_not() -> None:
    """Fewer rows take less."""
    layer = {"type": "MaxPooling2D", "pool_size": 63, "strides": 1}
    found = outlined([500, 500, 1], layer).on_batch(4096)
    with pytest.raises(TooLarge) as refused:
        run(found)
    rows = int(str(refused.value.problems[0].suggestion).split()[5])
    assert 1 < rows < 4096
    assert run(found.on_batch(rows)) < TIME.deadline * 1.01


def test_weights_that_would_be_drawn_for_minutes_are_refused() -> None:
    """An orthogonal matrix of thousands takes the cube of that; with other weights the same layer is built."""
    layer = {"type": "Dense", "units": 30_000, "kernel_initializer": "orthogonal"}
    network = expand(parse_document({"input": [30_000], "layers": [layer]}))
    with pytest.raises(TooLarge) as refused:
        build(network, ENOUGH, None, TIME)
    (problem,) = refused.value.problems
    assert problem.pointer == "/layers/0"
    assert "GlorotUniform" in str(problem.suggestion)
    plain = {**layer, "kernel_initializer": "glorot_uniform"}
    assert build_seconds(outlined([30_000], plain), FAST) < TIME.deadline


def test_honest_networks_are_not_refused_on_the_slowest_machine() -> None:
    """The largest that keras.applications has, on pictures as they come, and a long sequence."""
    for name in ("VGG19", "NASNetLarge"):
        document, _ = construct_document(parse_application({"application": name, "weights": None}))
        network = expand(document)
        found = outline(network, declared_shapes(network)).on_batch(1)
        assert run(found, SLOW) < SLOW.limit, name
    assert run(outlined([2000, 64], {"type": "LSTM", "units": 256}), SLOW) < SLOW.limit


def test_steps_that_wait_for_one_another_count() -> None:
    """A recurrence of few numbers takes its time all the same."""
    few, many = (run(outlined([steps, 2], {"type": "LSTM", "units": 2})) for steps in (100, 10_000))
    assert 50 < many / few < 200


def test_a_busy_machine_is_not_taken_to_be_slower_than_any() -> None:
    """Whatever is measured, there is a rate below which nobody goes."""
    rates = measure_rates()
    assert all(getattr(rates, name) >= rate for name, rate in SLOWEST.items())
