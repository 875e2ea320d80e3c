"""Single flight: concurrent callers share one task per key. Cancelling a caller does not cancel it; shutdown does."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")


class SingleFlight(Generic[Key, Result]):
    """Tasks by key; about `max_results` results are cached, failures are not."""

    def __init__(self, max_results: int) -> None:
        self._max_results = max_results
        self._tasks: OrderedDict[Key, asyncio.Task[Result]] = OrderedDict()

    async def get(self, key: Key, make: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Return the result of a key; `make` is called unless it is cached or a task for it is running."""
        self._evict_oldest()
        if key not in self._tasks:
            task = asyncio.get_running_loop().create_task(make())
            task.add_done_callback(lambda done: self._drop_failed(key, done))
            self._tasks[key] = task
        self._tasks.move_to_end(key)
        return await asyncio.shield(self._tasks[key])

    async def close(self) -> None:
        """Cancel all running tasks."""
        tasks = [*self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _evict_oldest(self) -> None:
        """Evict the oldest results, but never a running task: `close` must find it."""
        done = [key for key, task in self._tasks.items() if task.done()]
        for key in done[: max(0, len(self._tasks) - self._max_results)]:
            del self._tasks[key]

    def _drop_failed(self, key: Key, task: asyncio.Task[Result]) -> None:
        if (task.cancelled() or task.exception() is not None) and self._tasks.get(key) is task:
            del self._tasks[key]
