"""Work that several requests wait for: done once, not given up because one of them is, and ended with the service."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")


class SingleFlight(Generic[Key, Result]):
    """Tasks by what they make; about `kept` results are remembered, failures are not."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._tasks: OrderedDict[Key, asyncio.Task[Result]] = OrderedDict()

    async def get(self, key: Key, make: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """The result for this key, which `make` makes unless it is known or being made."""
        self._forget_oldest()
        if key not in self._tasks:
            task = asyncio.get_running_loop().create_task(make())
            task.add_done_callback(lambda done: self._forget_failed(key, done))
            self._tasks[key] = task
        self._tasks.move_to_end(key)
        return await asyncio.shield(self._tasks[key])

    async def close(self) -> None:
        """Ends what is being made."""
        making = [*self._tasks.values()]
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)

    def _forget_oldest(self) -> None:
        """Of those that are done: `close` must find every other."""
        done = [key for key, task in self._tasks.items() if task.done()]
        for key in done[: max(0, len(self._tasks) - self._kept)]:
            del self._tasks[key]

    def _forget_failed(self, key: Key, done: asyncio.Task[Result]) -> None:
        if (done.cancelled() or done.exception() is not None) and self._tasks.get(key) is done:
            del self._tasks[key]
