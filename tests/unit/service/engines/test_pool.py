"""Pools of engines: failed requests, spares, and the end."""

from __future__ import annotations

import asyncio
import gc
import os
import weakref

import numpy as np
import pytest

from models.errors import Draining, EngineLost, TooLarge
from models.ipc.messages import Plan, Planned, RunResult
from service.engines.engine_request import EngineRequest
from service.engines.pool import EnginePool
from service.engines.request_builders import ModelSource, plan_request, weights_request
from service.settings import Settings
from tests.unit.serving import stub_engines, wait_until


async def test_a_failed_request_releases_its_arrays() -> None:
    """Immediately, without garbage collection."""
    engines = EnginePool(Settings())
    array = np.zeros(10)
    gone = weakref.ref(array)

    async def asked(one: np.ndarray) -> None:
        request = EngineRequest("key", lambda number, _: Plan(number, b"{}", {}, ()), Planned, (one,))
        asyncio.get_running_loop().call_soon(lambda: next(iter(engines.slots[0].runs.queue)).close(TooLarge("")))
        with pytest.raises(TooLarge):
            await engines.submit(request)

    gc.disable()
    try:
        task = asyncio.create_task(asked(array))
        del array
        await task
        del task
        await asyncio.sleep(0)
        assert gone() is None
    finally:
        gc.enable()


def stub_request(name: str = "", seed: int = 0) -> EngineRequest[RunResult]:
    """Build a request of weights; `name` has a stub engine misbehave."""
    document = b'{"name": "%s", "seed": %d}' % (name.encode(), seed)
    return weights_request(ModelSource(document, None, f"{seed}"), None, Settings())


async def test_a_spare_replaces_a_lost_engine() -> None:
    """At once, with the queued requests, and another spare is started. The running request is lost."""
    async with stub_engines(spare_engines=1) as engines:
        (first,), (spare,) = engines.states(), engines.spare_states()
        requests = [stub_request("crash"), stub_request(seed=1), stub_request(seed=2)]
        lost, *queued = [asyncio.create_task(engines.submit(request)) for request in requests]
        with pytest.raises(EngineLost):
            await lost
        assert engines.seconds_until_ready() == 0
        assert [(state.pid, state.ready) for state in engines.states()] == [(spare.pid, True)]
        assert [state.ready for state in engines.spare_states()] == [False]
        for request in queued:
            assert (await (await request).header).layers == ()
        await wait_until(lambda: engines.spare_states()[0].ready)
        assert engines.spare_states()[0].pid not in (first.pid, spare.pid)


async def test_a_stopped_pool_closes_its_requests() -> None:
    """Running and queued ones, with the error Draining, and ends its engines."""
    async with stub_engines() as engines:
        plan = plan_request(b'{"name": "stall"}', {"x": (1,)}, ("a",), {})
        requests = [asyncio.create_task(engines.submit(plan)) for _ in range(3)]
        await wait_until(lambda: engines.slots[0].load == 3)
        assert len(engines.slots[0].concurrent.running) == 1
        (engine,) = engines.states()
        await engines.stop()
        errors = await asyncio.gather(*requests, return_exceptions=True)
        assert [type(error) for error in errors] == [Draining] * 3
        assert engine.pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(engine.pid, 0)
        with pytest.raises(Draining):
            await engines.submit(plan)
