"""Requests that fail."""

from __future__ import annotations

import asyncio
import gc
import weakref

import numpy as np
import pytest

from models.errors import TooLarge
from models.ipc.messages import Plan, Planned
from service.engines.engine_request import EngineRequest
from service.engines.pool import EnginePool
from service.settings import Settings


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
