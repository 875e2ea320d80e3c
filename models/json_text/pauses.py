"""Pauses of long parsing on a thread, for the sake of the other threads, and of the garbage collector meanwhile."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

HANDOVER_SECONDS = 5e-5
"""Time for which the interpreter lock is left to others; a step between two pauses takes a few milliseconds."""
FREED_ITEMS = 65_536
"""Values that are freed at once."""


def let_others_run() -> None:
    """Release the interpreter lock for as long as another thread needs to take it.

    One that waits for it asks for it after 5 ms, but waits anew each time that it was released in between, which NumPy
    does for moments in which none can wake up: it would wait for hundreds of milliseconds.
    Source: `take_gil` in CPython's Python/ceval_gil.h.
    """
    time.sleep(HANDOVER_SECONDS)


def free_slowly(values: list[Any]) -> None:
    """Empty a list of many values, and let other threads run in between: to free ten million lists takes 0.3 s."""
    while values:
        del values[-FREED_ITEMS:]
        let_others_run()


class _Collector:
    """The garbage collector, disabled while any thread has paused it."""

    def __init__(self) -> None:
        self._lock, self._pauses, self._was_enabled = Lock(), 0, True

    def pause(self) -> None:
        with self._lock:
            if not self._pauses:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._pauses += 1

    def resume(self) -> None:
        with self._lock:
            self._pauses -= 1
            if not self._pauses and self._was_enabled:
                gc.enable()


_collector = _Collector()


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the garbage collector: of millions of parsed lists, which have no cycles, each look at all takes 0.2 s."""
    _collector.pause()
    try:
        yield
    finally:
        _collector.resume()
