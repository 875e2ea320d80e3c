"""Engine processes that are launched before there is a pool."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from service.engines.launch import Launched, launch_all
from service.engines.pool import EnginePool
from service.engines.process import LaunchedFirst
from service.settings import Settings
from tests.unit.serving import wait_until

STUB = "tests.stub_engine"


@asynccontextmanager
async def pool_of(launched: list[Launched], engines: int) -> AsyncIterator[EnginePool]:
    """Run a pool with these engines, all of which are ready."""
    pool = EnginePool(Settings(engines=engines), STUB, LaunchedFirst(launched))
    await pool.start()
    try:
        await wait_until(lambda: all(state.ready for state in pool.states()))
        yield pool
    finally:
        await pool.stop()


def pids(pool: EnginePool) -> list[int | None]:
    """Return the process ids of a pool's engines."""
    return [state.pid for state in pool.states()]


async def test_launched_engines_are_the_first_of_the_pool() -> None:
    """One that is missing is started; one that dies later is replaced."""
    launched = launch_all(Settings(engines=2), STUB)
    own = [one.process.pid for one in launched]
    async with pool_of(launched, engines=3) as pool:
        assert pids(pool)[:2] == own
        assert pids(pool)[2] not in own
        launched[0].process.kill()
        await wait_until(lambda: pids(pool)[0] not in (None, own[0]))


async def test_a_launched_engine_that_died_is_replaced() -> None:
    """Before the pool took it: what connects them is closed, and another is started."""
    (launched,) = launch_all(Settings(), STUB)
    launched.process.kill()
    launched.process.wait()
    pool = EnginePool(Settings(), STUB, LaunchedFirst([launched]))
    await pool.start()
    await wait_until(lambda: all(state.ready for state in pool.states()))
    assert pids(pool) != [launched.process.pid]
    assert launched.connection.fileno() == -1
    await pool.stop()


def test_engines_that_cannot_be_launched_are_left_to_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing stays open for them; on a cluster none is launched here."""

    def popen(*_: object, **__: object) -> None:
        raise OSError("no more")

    monkeypatch.setattr("service.engines.launch.subprocess.Popen", popen)
    before = set(os.listdir("/proc/self/fd"))
    assert launch_all(Settings(engines=2), STUB) == []
    assert set(os.listdir("/proc/self/fd")) == before
    assert launch_all(Settings(ray="auto"), STUB) == []
