"""Return of free heap memory to the operating system. glibc keeps it, in one arena for each thread that ever allocated;
other C libraries behave differently.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable

ARENAS = 2
"""Number of malloc arenas: free memory of one cannot be used by threads of another."""
M_ARENA_MAX = -8
"""From glibc's malloc.h."""
LARGE = 8 << 20
SOON, LATER = 1.0, 10.0
"""Seconds until free memory is returned, after a large or a small release."""


def _function(name: str) -> Callable[..., int] | None:
    """Return a function of the C library; None where it has none of this name. Calls release the GIL."""
    try:
        return getattr(ctypes.CDLL(None), name)  # type: ignore[no-any-return]
    except (AttributeError, OSError, TypeError):
        return None


def bound_arenas() -> None:
    """Limit the malloc arenas; to be called before threads are started."""
    mallopt = _function("mallopt")
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)


class HeapTrimmer:
    """Timer that returns free memory some time after a release, on a thread, once for all releases until then."""

    def __init__(self) -> None:
        self._trim = _function("malloc_trim")
        self._timer: asyncio.TimerHandle | None = None

    def schedule(self, nbytes: int) -> None:
        """Schedule a trim for `nbytes` that will soon be free."""
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
