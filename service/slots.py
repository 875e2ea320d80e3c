"""Places for engines, and the lines in front of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import cast

from models.engine.messages import Request, Run, Together
from service.engine_process import EngineProcess
from service.gpus import Gpu
from service.jobs import Job
from service.renewal import Renewal
from service.turns import Line

PIPELINE = 2
"""Requests handed to one engine at a time: the one it runs and the next, so that it never waits for the front."""
SHORT_SECONDS = 0.01
"""Of longer ones no other is handed over ahead: whoever's turn comes meanwhile would be behind two."""


@dataclass(eq=False)
class Slot:
    """A place for one engine: the process that fills it now, and the jobs in line for it."""

    number: int
    process: EngineProcess | None = None
    waiting: Line = field(default_factory=Line)
    running: deque[Job] = field(default_factory=deque)
    next_id: int = 1
    early_deaths: int = 0
    restart: asyncio.TimerHandle | None = None
    emptied: float = 0.0
    """When nobody waited, the last time, by the loop's clock."""
    started: float = 0.0
    """When its engine was, or will be, by the loop's clock."""
    gpu: Gpu = field(default_factory=Gpu)
    renewal: Renewal = field(default_factory=Renewal)
    leaving: bool = False
    """Whether its engine is to finish what it has begun, and nothing else."""

    @property
    def load(self) -> int:
        """Jobs in line."""
        return len(self.waiting) + len(self.running)

    @property
    def ready(self) -> bool:
        """Whether the engine takes work."""
        return self.process is not None and self.process.ready is not None and not self.leaving

    def part(self) -> tuple[Slot, EngineProcess]:
        """Its engine with what that has begun, as a slot which leaves; jobs in line stay, and what that slot cannot
        finish comes back to them.
        """
        assert self.process is not None  # noqa: S101 (there is nothing to part with otherwise)
        process, self.process = self.process, None
        leaving = Slot(self.number, process, self.waiting, self.running, leaving=True)
        self.running = deque()
        return leaving, process

    def ahead(self, most: int) -> int:
        """Requests that the engine may have at a time. What comes while a batch runs makes the next one."""
        return PIPELINE if most == 1 and all(job.seconds < SHORT_SECONDS for job in self.running) else 1

    def next_in_line(self, most: int) -> list[Job]:
        """The job whose turn it is and those that may be computed with it, at most so many."""
        first = next(iter(self.waiting), None)
        if most == 1 or first is None:
            return [first] if first is not None else []
        others = (job for job in islice(self.waiting, 1, None) if first.joins(job))
        return [first, *islice(others, most - 1)]

    def longest(self) -> float:
        """Seconds of the longest job that runs or waits."""
        return max((job.seconds for job in (*self.running, *self.waiting)), default=0.0)

    def hand_over(self, process: EngineProcess, most: int) -> list[Job]:
        """Gives the engine what is next in line, as far as there is room for the arrays, in one message."""
        jobs: list[Job] = []
        requests: list[Request] = []
        for job in self.next_in_line(most):
            payloads = process.payloads(job.question.arrays)
            if payloads is None:
                break
            jobs.append(job)
            job.number, self.next_id = self.next_id, self.next_id + 1
            requests.append(job.question.phrase(job.number, payloads))
        if jobs:
            process.send(_together(requests))
        for job in jobs:
            self._begin(job, alone=len(jobs) == 1)
        return jobs

    def _begin(self, job: Job, alone: bool) -> None:
        self.waiting.take(job)
        self.running.append(job)
        job.question.course.engine = self.number
        job.stop_clock()
        job.alone = alone

    def seconds_until_ready(self, start_seconds: float) -> float:
        """What is left of a start that takes as long as this."""
        left = self.started + start_seconds - asyncio.get_running_loop().time()
        return 0.0 if self.ready else max(0.0, left)


def _together(requests: Sequence[Request]) -> Request | Together:
    """One message; only runs come in several."""
    return requests[0] if len(requests) == 1 else Together(cast(tuple[Run, ...], tuple(requests)))
