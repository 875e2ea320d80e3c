"""Charges of runs: what is computed is paid for, what is refused is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import pytest

from models.errors import ClientDisconnected, DeadlineExceeded, Overloaded, RateLimited, TooLarge
from models.explaining.questions import Comparison, Explanation
from models.explaining.targets import TargetOptions, parse_target
from models.lru_cache import LruCache
from models.networks.expansion import expand
from models.reading.parse import parse_document
from service.access.authentication import SCOPE_KEY
from service.access.keys import Key
from service.access.quotas import Price, Quotas
from service.engines.request_builders import RunOf, RunSpec, source_of
from service.handlers.asked import Asked, OtherRun
from service.handlers.pricing import charged_run
from service.settings import Settings

KEY = Key("alice", b"", macs_per_minute=1000, bytes_per_minute=1000)
NETWORK = expand(parse_document({"input": [4], "layers": [{"type": "Dense", "units": 2}]}))


class Planner:
    """Engines that plan everything at the same price."""

    def __init__(self, macs: int | None) -> None:
        self.plan = {"reply_bytes": 40, "weight_bytes": 7, "run_macs": macs, "explanation": {"macs": 300}}

    async def submit(self, _: Any) -> Any:
        """Return the plan."""

        async def header() -> Any:
            return SimpleNamespace(plan=orjson.dumps(self.plan))

        return SimpleNamespace(header=header())


def state(macs: int | None = 100, **settings: Any) -> Any:
    """Return a state with these engines."""
    clock = SimpleNamespace(now=0.0)
    return SimpleNamespace(
        quotas=Quotas(lambda: clock.now), prices=LruCache(8), engines=Planner(macs), settings=Settings(**settings)
    )


def left(of: Any) -> tuple[float, float]:
    """Return what the key has left: multiply-adds and bytes."""
    (macs, _, _), (nbytes, _, _) = of.quotas._costs(KEY, Price())
    return macs.level, nbytes.level


def run(of: Any, question: Explanation | None = None, **options: Any) -> Any:
    """Return the block of a run of one item, with data unless told otherwise."""
    spec = RunSpec(("dense",), **{"data": True, **options})
    return charged_run({SCOPE_KEY: KEY}, of, NETWORK, [np.zeros((1, 4), np.float32)], Asked(spec, question))


async def test_a_run_costs_what_it_computes_and_sends() -> None:
    """Weights only where they are sent, and tensors only with data."""
    one = state()
    async with run(one):
        assert left(one) == (900, 960)
    async with run(one, weights=True, data=False):
        assert left(one) == (800, 953)
    unknown = state(None)
    async with run(unknown):
        assert left(unknown) == (1000, 960)


async def test_an_explanation_costs_all_of_its_rows() -> None:
    """By the plan of it, which is another than that of the run."""
    one, target = state(), parse_target(NETWORK, TargetOptions())
    async with run(one, Explanation(target, ("input",), "gradient")):
        assert left(one) == (700, 960)
    async with run(one):
        assert left(one) == (600, 920)


async def test_a_comparison_costs_both_runs() -> None:
    """What both compute, and what is sent of their difference."""
    one, spec = state(), RunSpec(("dense",), data=True)
    array = np.zeros((1, 4), np.float32)
    other = OtherRun(RunOf(source_of(NETWORK), ["input"], (array,), spec), NETWORK, {})
    question = Comparison((("dense", "dense"),))
    async with charged_run({SCOPE_KEY: KEY}, one, NETWORK, [array], Asked(spec, question, other)):
        assert left(one) == (800, 960)


@pytest.mark.parametrize(("error", "macs"), [(Overloaded(), 1000), (TooLarge(), 1000), (DeadlineExceeded(), 900),
                          (ClientDisconnected(), 900)])  # fmt: skip
async def test_a_refused_run_costs_nothing(error: Exception, macs: int) -> None:
    """One that took an engine's time does, or that may have."""
    one = state()
    with pytest.raises(type(error)):
        async with run(one):
            raise error
    assert left(one)[0] == macs


@pytest.mark.parametrize("limit", [{"max_macs": 99}, {"max_activation_bytes": 39}])
async def test_a_plan_over_a_limit_costs_nothing(limit: dict[str, int]) -> None:
    """It is left to the limit to refuse it."""
    one = state(**limit)
    async with run(one):
        assert left(one) == (1000, 1000)


async def test_what_cannot_be_paid_is_not_run() -> None:
    """A key without limits pays nothing, and is not planned."""
    one = state(600)
    async with run(one):
        pass
    with pytest.raises(RateLimited):
        async with run(one):
            raise AssertionError("it ran")
    free = Key("free", b"")
    async with charged_run({SCOPE_KEY: free}, None, NETWORK, [], None):  # type: ignore[arg-type]
        pass
