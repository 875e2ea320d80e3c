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

    def _ahead(self, beside: bool, most: int) -> int:
        """Requests of either kind that the engine may have at a time. What comes while a batch runs makes the next."""
        short = all(job.seconds < SHORT_SECONDS for job in self.running if job.question.beside == beside)
        return PIPELINE if most == 1 and short and not beside else 1

    def has_room(self, beside: bool, most: int) -> bool:
        """Whether the engine may be handed a run, or what it answers beside runs."""
        return sum(job.question.beside == beside for job in self.running) < self._ahead(beside, most)

    def current(self, beside: bool) -> Job | None:
        """The run that the engine computes, or what it answers beside it."""
        return next((job for job in self.running if job.question.beside == beside), None)

    def answered(self, number: int) -> Job | None:
        """The job of this number, if the engine is at it."""
        current = (self.current(beside=False), self.current(beside=True))
        return next((job for job in current if job is not None and job.number == number), None)

    def culprit(self) -> Job | None:
        """What the engine's end is put down to: a job that was given up because it overran, else the run."""
        overran = (job for job in self.running if job.given_up)
        return next(overran, self.current(beside=False) or self.current(beside=True))

    def next_in_line(self, most: int) -> list[Job]:
        """The job whose turn it is and those that may be computed with it, at most so many."""
        room = {beside: self.has_room(beside, most) for beside in (False, True)}
        line = (job for job in self.waiting if room[job.question.beside])
        first = next(line, None)
        if most == 1 or first is None:
            return [first] if first is not None else []
        others = (job for job in line if first.joins(job))
        return [first, *islice(others, most - 1)]

    def longest(self, beside: bool) -> float:
        """Seconds of the longest job of a kind that runs or waits."""
        jobs = (job for job in (*self.running, *self.waiting) if job.question.beside == beside)
        return max((job.seconds for job in jobs), default=0.0)

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
