"""Lanes of an engine: it computes one run at a time, and concurrently one other request at a time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from service.engines.fair_queue import FairQueue
from service.engines.job import Job

PIPELINE = 8
"""Most runs dispatched to one engine at a time: the one it computes and the next, so that it never waits."""
AHEAD_SECONDS = 0.01
"""Bound of the work that is dispatched ahead: a job whose turn comes meanwhile would wait behind it. The front takes as
long to process the simultaneous requests of a hundred clients.
"""
FLOODING_AHEAD_SECONDS = AHEAD_SECONDS / 2
"""The same for a client that asks for more than there is: what it waits for is short."""
CONTENDED_AHEAD_SECONDS = AHEAD_SECONDS / 5
"""The same for such a client beside others: they do not wait behind its runs."""
UNKNOWN_SECONDS = AHEAD_SECONDS / 2
"""The cost that is assumed before any run has ended."""


@dataclass(eq=False)
class EngineLane:
    """Jobs of one kind: dispatched ones and queued ones."""

    depth: int = 1
    """Most jobs that are dispatched at a time."""
    queue: FairQueue[Job] = field(default_factory=FairQueue)
    running: deque[Job] = field(default_factory=deque)
    """The dispatched jobs, in order."""

    @property
    def load(self) -> int:
        """Number of dispatched and queued jobs."""
        return len(self.queue) + len(self.running)

    @property
    def current(self) -> Job | None:
        """The job that the engine computes."""
        return self.running[0] if self.running else None

    def has_room(self, most: int) -> bool:
        """Whether the next job may be dispatched. With batches of `most`, jobs gather while a batch runs."""
        if not self.running:
            return True
        if most > 1 or len(self.running) >= self.depth:
            return False
        return sum(job.seconds or UNKNOWN_SECONDS for job in self.running) < self._ahead(next(iter(self.queue)).client)

    def _ahead(self, client: str) -> float:
        """Return the seconds of work that may be dispatched before a job of this client."""
        if not self.queue.is_flooding(client):
            return AHEAD_SECONDS
        return CONTENDED_AHEAD_SECONDS if self.queue.has_others(client) else FLOODING_AHEAD_SECONDS

    def next_batch(self, most: int) -> list[Job]:
        """Return the next job and those that may be computed in one batch with it, at most `most`."""
        if not (self.queue and self.has_room(most)):
            return []
        first, *others = islice(self.queue, None if most > 1 else 1)
        return [first, *islice((job for job in others if first.batches_with(job)), most - 1)]

    def longest(self) -> float:
        """Return the estimated seconds of the longest job."""
        return max((job.seconds for job in (*self.running, *self.queue)), default=0.0)

    def requeue(self) -> None:
        """Requeue every dispatched job in front, each to run alone: the engine has died."""
        while self.running:
            job = self.running.pop()
            job.is_exclusive = True
            if not job.is_closed:
                self.queue.appendleft(job)
