"""Costs that admission learns, and the engine that it chooses."""

from __future__ import annotations

import pytest

from service.engines.costs import CostEstimates
from service.engines.pool import EnginePool
from service.engines.request_builders import ModelSource, weights_request
from service.settings import Settings
from tests.unit.serving import stub_engines

KEYS = [f"sha256:{number}" for number in range(20)]


def admitted(engines: EnginePool, key: str) -> int:
    """Admit and queue a request of this model; return the number of its slot."""
    slot, job = engines.admission.admit(weights_request(ModelSource(b"{}", None, key), None, Settings()))
    engines.dispatcher.enqueue(slot, job)
    return slot.number


async def test_a_model_keeps_its_engine_unless_another_is_idle() -> None:
    """So that it is built once; while its engine is busy, an idle one serves it."""
    async with stub_engines(engines=2) as engines:
        home = admitted(engines, KEYS[0])
        assert admitted(engines, KEYS[0]) == 1 - home
        assert admitted(engines, KEYS[0]) == home, "none is idle"


def test_the_oldest_costs_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that has not run for long has the cost of its client, then that of all."""
    monkeypatch.setattr("service.engines.costs.MAX_KNOWN", 4)
    costs = CostEstimates()
    costs.learn("first", "a", 8.0)
    for number in range(3):
        costs.learn(number, "b", 2.0)
    assert [costs.has(kind) for kind in ("first", 0, 1, 2)] == [False, True, True, True]
    assert costs.estimate("first", "b") == 2.0
    assert costs.estimate("first", "a") == costs.mean
