"""One-shot timers of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Timer:
    """Timer that runs a callback once, unless it is cancelled or started again before.

    Holds no callback while it is stopped: a connection and its timers would be a cycle, which only the garbage
    collector frees.
    """

    __slots__ = ("_handle", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        """Whether it is running."""
        return self._handle is not None

    def start(self, seconds: float, callback: Callable[[], object]) -> None:
        """Run the callback after this time, counted from now."""
        self.cancel()
        self._handle = self._loop.call_later(seconds, self._expire, callback)

    def cancel(self) -> None:
        """Stop it, if it is running."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _expire(self, callback: Callable[[], object]) -> None:
        self._handle = None
        callback()
