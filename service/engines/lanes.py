"""Lanes: what an engine does one at a time, which is to run networks, and what it answers beside runs."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from service.engines.fair_queue import FairQueue
from service.engines.jobs import Job

PIPELINE = 8
"""Most runs handed to one engine at a time: the one it computes and the next, so that it never waits for the front."""
AHEAD_SECONDS = 0.01
"""Of work that an engine has, from which on nothing is handed over ahead, since whoever's turn comes meanwhile would be
behind it. The front takes as long for what comes at once from a hundred clients.
"""
UNKNOWN_SECONDS = AHEAD_SECONDS / 2
"""What a run is taken for here, when none has ended."""


@dataclass(eq=False)
class EngineLane:
    """The jobs of one kind: those that the engine has, and those in line for it."""

    depth: int = 1
    """Jobs that the engine may have at a time."""
    waiting: FairQueue = field(default_factory=FairQueue)
    running: deque[Job] = field(default_factory=deque)

    @property
    def load(self) -> int:
        """Jobs that the engine has or is to have."""
        return len(self.waiting) + len(self.running)

    @property
    def current(self) -> Job | None:
        """What the engine is at."""
        return self.running[0] if self.running else None

    def has_room(self, most: int) -> bool:
        """Whether the engine may be handed another. What comes while a batch runs makes the next."""
        if not self.running:
            return True
        if most > 1 or len(self.running) >= self.depth:
            return False
        return sum(job.seconds or UNKNOWN_SECONDS for job in self.running) < AHEAD_SECONDS

    def next_in_line(self, most: int) -> list[Job]:
        """The job whose turn it is and those that may be computed with it, at most so many."""
        if not (self.waiting and self.has_room(most)):
            return []
        first, *others = islice(self.waiting, None if most > 1 else 1)
        return [first, *islice((job for job in others if first.batches_with(job)), most - 1)]

    def longest(self) -> float:
        """Seconds of the longest job that the engine has or is to have."""
        return max((job.seconds for job in (*self.running, *self.waiting)), default=0.0)

    def take_back(self) -> None:
        """The engine is gone: what it had is first in line again, each to be run by itself."""
        while self.running:
            job = self.running.pop()
            job.alone = True
            if not job.given_up:
                self.waiting.appendleft(job)
