"""Engines that join while requests wait, and leave when idle; nothing is started."""

from __future__ import annotations

import asyncio
from typing import Any

from service.engines.pool import EnginePool
from service.engines.scaling import SAMPLES
from service.engines.supervisor import EngineSupervisor
from service.settings import Settings
from tests.unit.conftest import Passing
from tests.unit.service.engines.manual_engine import Engine, submit_request

CLUSTER = {"ray": "10.0.0.1:6379", "queue_seconds": 4, "ray_idle_seconds": 60}


async def start_pool(processes: list[Engine], **options: Any) -> EnginePool:
    """Start a pool on a cluster whose first engine is ready."""
    engines = EnginePool(Settings(**CLUSTER, **options), make_engine=Engine)
    await engines.start()
    processes[0].becomes_ready()
    return engines


async def fill(engines: EnginePool, count: int = 8) -> list[asyncio.Task[Any]]:
    """Queue requests of a second each."""
    engines.admission.costs.learn("any", "", 1.0)
    return [await submit_request(engines) for _ in range(count)]


def sample(engines: EnginePool, times: int = SAMPLES) -> EngineSupervisor:
    """Take samples of the queues."""
    assert engines.scaling is not None
    for _ in range(times):
        engines.scaling.sample(asyncio.get_running_loop().time())
    return engines.supervisor


async def test_an_engine_joins_when_requests_wait(processes: list[Engine], passing: Passing) -> None:
    """Not for a burst; one at a time, no more than the most, and it takes requests when it is ready."""
    engines = await start_pool(processes, engines=1, engines_max=3)
    tasks = await fill(engines)
    assert sample(engines, 1).joining == []
    assert len(sample(engines, 1).joining) == 1
    assert len(sample(engines).joining) == 1, "it is not ready yet"
    assert len(engines.slots) == 1
    processes[1].becomes_ready()
    assert [slot.number for slot in engines.slots] == [0, 1]
    sample(engines)
    processes[2].becomes_ready()
    assert sample(engines).joining == []
    assert len(engines.slots) == 3
    await engines.stop()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert all(process.ended for process in processes)


async def test_an_idle_engine_leaves(processes: list[Engine], passing: Passing) -> None:
    """After its time without a request; those of the start stay, and one that is no longer needed does not join."""
    engines = await start_pool(processes, engines=1, engines_max=3)
    tasks = await fill(engines)
    sample(engines)
    processes[1].becomes_ready()
    sample(engines)
    for task in tasks:
        task.cancel()
    for slot in engines.slots:
        for job in slot.queued:
            job.on_disconnect()
    await passing(1)
    processes[0].answers()
    await passing(59)
    assert len(sample(engines).joining) == 1
    await passing(2)
    sample(engines)
    await passing(0)
    assert (len(engines.slots), engines.supervisor.joining) == (1, [])
    assert [process.ended for process in processes] == [False, True, True]
    await engines.stop()


async def test_an_engine_that_joined_and_died_is_not_restarted(processes: list[Engine], passing: Passing) -> None:
    """Its requests go to the others, and another joins if it is needed."""
    engines = await start_pool(processes, engines=1, engines_max=2)
    tasks = await fill(engines)
    sample(engines)
    processes[1].becomes_ready()
    tasks.append(await submit_request(engines, 1))
    assert engines.slots[1].load == 1
    processes[1].on_exit()
    assert [slot.number for slot in engines.slots] == [0]
    assert len(processes) == 2
    assert len(sample(engines).joining) == 1
    await engines.stop()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_engine_that_takes_long_to_start_stays(processes: list[Engine], passing: Passing) -> None:
    """While requests wait now and then, whatever the idle time: it would else leave before it is ready, and another
    would be asked for in its place.
    """
    engines = await start_pool(processes, engines=1, engines_max=2)
    tasks = await fill(engines)
    (joining,) = sample(engines).joining
    await passing(59)
    sample(engines, 1)
    for task in tasks:
        task.cancel()
    for job in engines.slots[0].queued:
        job.on_disconnect()
    await passing(2)
    assert sample(engines).joining == [joining]
    await passing(60)
    assert sample(engines, 1).joining == []
    await engines.stop()
