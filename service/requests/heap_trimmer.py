"""Memory that is free and still the process's, given back to the system. glibc keeps it, in an arena for each thread
that ever asked; other C libraries do as they please.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable

ARENAS = 2
"""What is free in one is of no use to threads of another."""
M_ARENA_MAX = -8
"""glibc's malloc.h."""
LARGE = 8 << 20
SOON, LATER = 1.0, 10.0
"""Seconds from something large, or small, until what is free is given back."""


def _function(name: str) -> Callable[..., int] | None:
    """One of the C library's, where it has it. Calls leave Python's lock alone."""
    try:
        return getattr(ctypes.CDLL(None), name)  # type: ignore[no-any-return]
    except (AttributeError, OSError, TypeError):
        return None


def bound_arenas() -> None:
    """Before there are threads: all share a few arenas."""
    mallopt = _function("mallopt")
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)


class HeapTrimmer:
    """Gives memory back some time after something was decoded, on a thread, however much was meanwhile."""

    def __init__(self) -> None:
        self._trim = _function("malloc_trim")
        self._timer: asyncio.TimerHandle | None = None

    def expect(self, nbytes: int) -> None:
        """So many bytes will be free soon."""
        if self._trim is None:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + (SOON if nbytes >= LARGE else LATER)
        if self._timer is not None and self._timer.when() <= when:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(when, self._begin, loop, self._trim)

    def _begin(self, loop: asyncio.AbstractEventLoop, trim: Callable[..., int]) -> None:
        self._timer = None
        loop.run_in_executor(None, trim, 0)
