"""Lifecycle of engines: renewal and replacement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from models.errors import DeviceMemory
from service.settings import GIB
from tests.unit.service.engines.manual_engine import Engine, grow, start_pool, submit_request, turns


@pytest.mark.parametrize("spares", [0, 1])
async def test_an_engine_that_has_grown_is_renewed(
    processes: list[Engine], spares: int, passing: Callable[[float], Any]
) -> None:
    """Its successor takes over when ready; the old engine finishes its running requests."""
    engines = await start_pool(processes, spare_engines=spares)
    old = processes[0]
    await grow(engines, old, passing)
    begun = None
    if not spares:
        begun = await submit_request(engines)
        assert len(old.sent) == 1, "the old one goes on until the successor is ready"
        processes[1].becomes_ready()
        assert not old.ended
        old.answers()
        await begun
    after = await submit_request(engines)
    assert len(processes[1].sent) == 1
    processes[1].answers()
    await after
    await asyncio.sleep(0)
    assert old.ended
    assert [state.ready for state in engines.states()] == [True]
    assert len(engines.spare_states()) == spares
    await engines.stop()


async def test_a_retiring_engine_that_dies_returns_its_queue(
    processes: list[Engine], passing: Callable[[float], Any]
) -> None:
    """The running request is lost; unstarted ones run on the successor."""
    engines = await start_pool(processes)
    old = processes[0]
    await grow(engines, old, passing)
    ran, behind = await submit_request(engines, 1), await submit_request(engines, 2)
    processes[1].becomes_ready()
    old.on_exit()
    assert len(processes[1].sent) == 1
    processes[1].answers()
    await behind
    with pytest.raises(Exception, match="died"):
        await ran
    assert len(processes) == 2
    await engines.stop()


async def test_an_engine_without_device_memory_is_replaced(processes: list[Engine]) -> None:
    """After it has finished its started requests."""
    engines = await start_pool(processes)
    first, second = await submit_request(engines, 1), await submit_request(engines, 2)
    processes[0].answers(DeviceMemory.code)
    with pytest.raises(DeviceMemory):
        await first
    assert len(processes) == 2
    assert not processes[0].ended
    processes[0].answers()
    await second
    await asyncio.sleep(0)
    assert processes[0].ended
    await engines.stop()


async def test_a_full_device_replaces_an_engine_once(processes: list[Engine]) -> None:
    """Although each of the requests that it still runs finds the device full."""
    engines = await start_pool(processes)
    requests = [await submit_request(engines, seed) for seed in range(2)]
    for request in requests:
        processes[0].answers(DeviceMemory.code)
        with pytest.raises(DeviceMemory):
            await request
    await turns()
    assert processes[0].ended
    assert len(processes) == 2
    await engines.stop()


async def test_an_engine_without_device_memory_over_its_limit_is_replaced_once(processes: list[Engine]) -> None:
    """The engine that has just been started in its place stays."""
    engines = await start_pool(processes, engine_memory="1GiB")
    request = await submit_request(engines)
    processes[0].resident = 2 * GIB
    processes[0].answers(DeviceMemory.code)
    with pytest.raises(DeviceMemory):
        await request
    await turns()
    assert [process.ended for process in processes] == [True, False]
    await engines.stop()


async def test_an_engine_whose_successor_cannot_be_started_is_replaced_once(
    processes: list[Engine], passing: Callable[[float], Any]
) -> None:
    """Its restart stays planned, and starts one engine."""
    engines = await start_pool(processes, engine_memory="1GiB")
    request = await submit_request(engines)
    processes[0].resident, Engine.failures = 2 * GIB, 1
    processes[0].answers(DeviceMemory.code)
    with pytest.raises(DeviceMemory):
        await request
    await passing(10)
    assert [process.ended for process in processes] == [True, False]
    await engines.stop()


async def test_a_successor_that_dies_leaves_the_old_engine(
    processes: list[Engine], passing: Callable[[float], Any]
) -> None:
    """Which serves on; another successor is started at the next sample over the limit."""
    engines = await start_pool(processes)
    await grow(engines, processes[0], passing)
    assert len(engines.spare_states()) == 1
    processes[1].on_exit()
    assert engines.spare_states() == []
    request = await submit_request(engines)
    processes[0].answers()
    await request
    assert not processes[0].ended
    await engines.stop()


async def test_a_successor_takes_over_from_an_engine_that_has_just_died(
    processes: list[Engine], passing: Callable[[float], Any]
) -> None:
    """No third engine is started in its place."""
    engines = await start_pool(processes)
    await grow(engines, processes[0], passing)
    processes[0].on_exit()
    processes[1].becomes_ready()
    await turns()
    assert len(processes) == 2
    request = await submit_request(engines)
    processes[1].answers()
    await request
    assert (len(engines.states()), engines.spare_states()) == (1, [])
    await engines.stop()
