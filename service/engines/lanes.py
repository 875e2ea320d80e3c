"""Lanes of an engine: it computes runs one at a time, and answers other requests concurrently, one at a time too."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from service.engines.fair_queue import FairQueue
from service.engines.job import Job

PIPELINE = 8
"""Most runs dispatched to one engine at a time: the one it computes and the next, so that it never waits."""
AHEAD_SECONDS = 0.01
"""Dispatched work beyond which nothing more is sent ahead: a job whose turn comes meanwhile would wait behind it. The
front takes as long to process the requests that arrive at once from a hundred clients.
"""
UNKNOWN_SECONDS = AHEAD_SECONDS / 2
"""The cost assumed here before any run has ended."""


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
        """The job that the engine works on."""
        return self.running[0] if self.running else None

    def has_room(self, most: int) -> bool:
        """Whether another job may be dispatched. With batches of `most`, jobs gather while a batch runs."""
        if not self.running:
            return True
        if most > 1 or len(self.running) >= self.depth:
            return False
        return sum(job.seconds or UNKNOWN_SECONDS for job in self.running) < AHEAD_SECONDS

    def next_batch(self, most: int) -> list[Job]:
        """Return the next job with those that may be computed with it, at most so many."""
        if not (self.queue and self.has_room(most)):
            return []
        first, *others = islice(self.queue, None if most > 1 else 1)
        return [first, *islice((job for job in others if first.batches_with(job)), most - 1)]

    def longest(self) -> float:
        """Return the estimated seconds of the longest job."""
        return max((job.seconds for job in (*self.running, *self.queue)), default=0.0)

    def requeue(self) -> None:
        """Put every dispatched job back in front, each to be run alone: the engine has died."""
        while self.running:
            job = self.running.pop()
            job.is_exclusive = True
            if not job.is_closed:
                self.queue.appendleft(job)
