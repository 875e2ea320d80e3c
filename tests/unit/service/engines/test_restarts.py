"""Engines that are started again: after a failed start, an early end, and by a spare."""

from __future__ import annotations

import pytest

from models.errors import NotReady
from service.engines.pool import EnginePool
from service.engines.request_builders import ModelSource, weights_request
from service.settings import Settings
from tests.unit.service.engines.manual_engine import Engine, submit_request, turns


async def test_a_failed_start_is_retried(processes: list[Engine]) -> None:
    """For example after running out of file descriptors."""
    Engine.failures = 3
    engines = EnginePool(Settings())
    await engines.start()
    assert processes == []
    await turns()
    processes[0].becomes_ready()
    assert [state.ready for state in engines.states()] == [True]
    await engines.stop()
    assert processes[0].ended


async def test_engines_that_end_before_they_are_ready_refuse_requests(processes: list[Engine]) -> None:
    """From the second one on, until one is ready."""
    engines = EnginePool(Settings())
    await engines.start()
    for number in range(2):
        processes[number].on_exit()
        await turns()
    with pytest.raises(NotReady) as refused:
        await engines.submit(weights_request(ModelSource(b"0", None, "0"), None, Settings()))
    assert refused.value.detail == "Engines end before they are ready; the log says why."
    assert refused.value.seconds > 0
    processes[2].becomes_ready()
    request = await submit_request(engines)
    processes[2].answers()
    await request
    await engines.stop()


async def test_a_stopped_pool_restarts_nothing(processes: list[Engine]) -> None:
    """An engine that was about to be restarted is not."""
    Engine.failures = 1
    engines = EnginePool(Settings())
    await engines.start()
    restart = engines.slots[0].restart
    assert restart is not None
    await engines.stop()
    assert restart.cancelled()
    assert processes == []


async def test_a_spare_that_is_still_starting_replaces_a_lost_engine(processes: list[Engine]) -> None:
    """It is ready sooner than one that would be started now; requests wait for it."""
    engines = EnginePool(Settings(spare_engines=1))
    await engines.start()
    processes[0].becomes_ready()
    processes[0].on_exit()
    await turns()
    assert len(processes) == 3, "the spare, and another spare"
    request = await submit_request(engines)
    assert [state.ready for state in engines.states()] == [False]
    processes[1].becomes_ready()
    processes[1].answers()
    await request
    await engines.stop()
