"""A thread that repeats a look at a shared store, and looks at once for whoever misses something."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Condition, Thread

from models.errors import StoreUnreachable

log = logging.getLogger("layerscope.store")

Look = Future[StoreUnreachable | None]
"""Done when a look that began later has ended; its result says why it failed, if it did."""
CLOSE_SECONDS = 5.0
"""For a look that is taken when the store is closed: a bucket that does not answer must not delay the end."""
SPACING = 0.1
"""Least seconds between the beginnings of two looks, however many ask for one."""


@dataclass
class RefreshFigures:
    """How the looks went: the duration of the last one, how many failed, and when the last good one began."""

    seconds: float = 0.0
    failures: int = 0
    begun: float = 0.0
    is_failing: bool = False

    def age(self) -> float:
        """Return the seconds since what is known was read."""
        return time.monotonic() - self.begun


class Refresher:
    """Looks that begin at most `seconds` / 2 apart: a change is known within `seconds` if one takes less than half of
    that.
    """

    def __init__(self, refresh: Callable[[], None], seconds: float) -> None:
        self._refresh, self._interval = refresh, seconds / 2
        self._changed = Condition()
        self._waiting: Look = Future()
        self._is_asked = self._is_stopped = False
        self._thread = Thread(target=self._run, name="store-refresher", daemon=True)
        self.figures = RefreshFigures(begun=time.monotonic())

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the look that is taken now. Whoever waits for another one learns that it will not come."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)
        if not self._waiting.done():
            self._waiting.set_result(StoreUnreachable("The service is stopping."))

    def look(self) -> Look:
        """Ask for a look that has yet to begin."""
        with self._changed:
            self._is_asked = True
            self._changed.notify_all()
            return self._waiting

    def _run(self) -> None:
        begun = time.monotonic()
        while self._wait(begun):
            begun = time.monotonic()
            with self._changed:
                waiting, self._waiting, self._is_asked = self._waiting, Future(), False
            waiting.set_result(self._look(begun))

    def _wait(self, begun: float) -> bool:
        """Wait until the next look is due; False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped, begun + min(SPACING, self._interval) - time.monotonic())
            self._changed.wait_for(
                lambda: self._is_asked or self._is_stopped, max(0.0, begun + self._interval - time.monotonic())
            )
            return not self._is_stopped

    def _look(self, begun: float) -> StoreUnreachable | None:
        figures = self.figures
        error: StoreUnreachable | None = None
        try:
            self._refresh()
        except Exception as failure:  # of every file system; what is known stays, and the next look may succeed
            error = failure if isinstance(failure, StoreUnreachable) else StoreUnreachable()
            if not figures.is_failing:
                log.warning("the store cannot be read: %s", failure.__cause__ or failure)
            figures.failures += 1
        else:
            figures.begun = begun
        figures.is_failing = error is not None
        figures.seconds = time.monotonic() - begun
        return error
