"""Work of an engine beside its requests, in turns with them: compiling a large network takes seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Condition, Thread
from time import perf_counter
from typing import Generic, TypeVar

from models.engine.heap import held_bytes

SHARE, MOST_SECONDS = 0.5, 1.0
"""Seconds that work may take for each second of a request, after it and before the next one that waits; at most a
second, since the next has a deadline. Beside that, it has all the time in which no request is there.
"""
Result = TypeVar("Result")
Pause = Callable[[], None]
"""Called by work wherever it may be interrupted."""


class Stopped(BaseException):
    """Ends the work of an engine that ends."""


class Work(Generic[Result]):
    """Work that was started."""

    def __init__(self) -> None:
        self.is_done = False
        self.result: Result | None = None
        """None until it is done, and after an error: who needs the result then computes it, and sees the error."""
        self.nbytes = 0
        """Memory that it took so far, that of requests meanwhile not included."""
        self._held = 0

    def resume(self) -> None:
        """Count memory from here on."""
        self._held = held_bytes()

    def pause(self) -> None:
        """Count memory up to here."""
        self.nbytes += held_bytes() - self._held


class Background:
    """A thread for one piece of work at a time, which rests while a request is computed. Both would only take Python's
    interpreter from each other, and neither Keras' state nor a count of memory could be told apart.
    """

    def __init__(self, share: float = SHARE) -> None:
        self._share = share
        self._turn = Condition()
        self._thread: Thread | None = None
        self._rests, self._is_requested, self._is_closed, self._has_finished = True, False, False, False
        self._granted, self._resumed = 0.0, 0.0
        """Seconds that the work may go on although a request waits, as of the time when it was counted last."""

    @property
    def is_busy(self) -> bool:
        """Whether there is work that is not done."""
        return self._thread is not None

    def start(self, compute: Callable[[Pause], Result]) -> Work[Result]:
        """Start work, which rests until the end of the current request. There must be no other."""
        work: Work[Result] = Work()
        self._rests, self._granted = True, 0.0
        self._thread = Thread(target=self._do, args=(compute, work), name="background", daemon=True)
        self._thread.start()
        return work

    @contextmanager
    def request(self) -> Iterator[None]:
        """Compute a request in the block, which begins once the work rests and has had its share."""
        with self._turn:
            self._is_requested = True
            self._turn.wait_for(lambda: self._thread is None or (self._rests and self._granted <= 0))
        begun = perf_counter()
        try:
            yield
        finally:
            with self._turn:
                self._is_requested = False
                self._granted = min(self._share * (perf_counter() - begun), MOST_SECONDS)
                self._turn.notify_all()

    def pop_finished(self) -> bool:
        """Return whether work was done since this was asked last."""
        finished, self._has_finished = self._has_finished, False
        return finished

    def close(self) -> None:
        """End the work where it may be interrupted next."""
        with self._turn:
            self._is_closed, thread = True, self._thread
            self._turn.notify_all()
        if thread is not None:
            thread.join()

    def _do(self, compute: Callable[[Pause], Result], work: Work[Result]) -> None:
        with suppress(Stopped, Exception):  # an error is seen by who does without the result
            with self._turn:
                self._resume(work)
            result = compute(partial(self._pause, work))
            work.pause()
            work.result = result
        with self._turn:
            work.is_done, self._thread, self._has_finished = True, None, True
            self._turn.notify_all()

    def _pause(self, work: Work[Result]) -> None:
        with self._turn:
            now = perf_counter()
            self._granted, self._resumed = self._granted - (now - self._resumed), now
            if self._is_closed or (self._is_requested and self._granted <= 0):
                work.pause()
                self._rests = True
                self._turn.notify_all()
                self._resume(work)

    def _resume(self, work: Work[Result]) -> None:
        self._turn.wait_for(lambda: not self._is_requested or self._granted > 0 or self._is_closed)
        if self._is_closed:
            raise Stopped
        self._rests, self._resumed = False, perf_counter()
        work.resume()
