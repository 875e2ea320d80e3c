"""Slots: places for engines, and the jobs in front of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import cast

from models.ipc.messages import Request, Run, RunBatch
from service.engines.gpus import Gpu
from service.engines.jobs import EngineRequest, Job
from service.engines.lanes import PIPELINE, EngineLane
from service.engines.process import EngineProcess
from service.engines.renewal import Renewal


@dataclass(eq=False)
class EngineSlot:
    """A place for one engine: the process that fills it now, and the jobs in front of it."""

    number: int
    process: EngineProcess | None = None
    runs: EngineLane = field(default_factory=lambda: EngineLane(PIPELINE))
    beside: EngineLane = field(default_factory=EngineLane)
    """What needs none of the models that the engine holds: it is answered while a run goes on."""
    ids: Iterator[int] = field(default_factory=lambda: count(1))
    early_deaths: int = 0
    restart: asyncio.TimerHandle | None = None
    started: float = 0.0
    """When its engine was, or will be, by the loop's clock."""
    gpu: Gpu = field(default_factory=Gpu)
    renewal: Renewal = field(default_factory=Renewal)
    leaving: bool = False
    """Whether its engine is to finish what it has begun, and nothing else."""

    @property
    def lanes(self) -> tuple[EngineLane, EngineLane]:
        """Both."""
        return self.runs, self.beside

    def lane_of(self, question: EngineRequest) -> EngineLane:
        """Where a question is put."""
        return self.beside if question.beside else self.runs

    @property
    def load(self) -> int:
        """Jobs that the engine has or is to have."""
        return self.runs.load + self.beside.load

    @property
    def running(self) -> list[Job]:
        """Jobs that the engine has."""
        return [*self.runs.running, *self.beside.running]

    @property
    def ready(self) -> bool:
        """Whether the engine takes work."""
        return self.process is not None and self.process.ready is not None and not self.leaving

    def part(self) -> tuple[EngineSlot, EngineProcess]:
        """Its engine with what that has begun, as a slot which leaves; jobs in line stay, and what that slot cannot
        finish comes back to them.
        """
        assert self.process is not None  # noqa: S101 (there is nothing to part with otherwise)
        process, self.process = self.process, None
        runs, beside = (EngineLane(lane.depth, lane.waiting, lane.running) for lane in self.lanes)
        for lane in self.lanes:
            lane.running = deque()
        return EngineSlot(self.number, process, runs, beside, self.ids, leaving=True), process

    def answered(self, number: int) -> tuple[EngineLane, Job] | None:
        """The job of this number, and where it runs, if the engine is at it."""
        for lane in self.lanes:
            if (job := lane.current) is not None and job.number == number:
                return lane, job
        return None

    def culprit(self) -> Job | None:
        """What the engine's end is put down to: a job that was given up because it overran, else the run."""
        overran = (job for job in self.running if job.given_up)
        return next(overran, self.runs.current or self.beside.current)

    def dispatch(self, process: EngineProcess, lane: EngineLane, most: int) -> list[Job]:
        """Gives the engine what is next in a line, as far as there is room for the arrays, in one message."""
        jobs: list[Job] = []
        requests: list[Request] = []
        for job in lane.next_in_line(most):
            payloads = process.payloads(job.question.arrays)
            if payloads is None:
                break
            jobs.append(job)
            job.number = next(self.ids)
            requests.append(job.question.phrase(job.number, payloads))
        if jobs:
            process.send(_as_message(requests))
        for job in jobs:
            self._begin(lane, job, alone=len(jobs) == 1)
        return jobs

    def _begin(self, lane: EngineLane, job: Job, alone: bool) -> None:
        lane.waiting.take(job)
        lane.running.append(job)
        job.question.trace.engine = self.number
        job.stop_clock()
        job.alone = alone

    def seconds_until_ready(self, start_seconds: float) -> float:
        """What is left of a start that takes as long as this."""
        left = self.started + start_seconds - asyncio.get_running_loop().time()
        return 0.0 if self.ready else max(0.0, left)


def _as_message(requests: Sequence[Request]) -> Request | RunBatch:
    """One message; only runs come in several."""
    return requests[0] if len(requests) == 1 else RunBatch(cast(tuple[Run, ...], tuple(requests)))
