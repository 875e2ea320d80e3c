"""Slots of the pool: each holds an engine process, and the lanes of jobs for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

from models.ipc.messages import Request, Run, RunBatch
from models.lru_cache import LruCache
from service.engines.engine import Engine
from service.engines.engine_request import EngineRequest
from service.engines.gpus import Gpu
from service.engines.job import Job
from service.engines.lanes import PIPELINE, EngineLane
from service.engines.renewal import Renewal

MAX_BUILT = 256


@dataclass(eq=False)
class EngineSlot:
    """The current engine of a slot, and the jobs for it."""

    number: int
    process: Engine | None = None
    runs: EngineLane = field(default_factory=lambda: EngineLane(PIPELINE))
    concurrent: EngineLane = field(default_factory=EngineLane)
    """Requests that need none of the engine's built models, processed concurrently with a run."""
    ids: Iterator[int] = field(default_factory=lambda: count(1))
    early_deaths: int = 0
    """Consecutive engines that ended before they were ready."""
    restart: asyncio.TimerHandle | None = None
    started: float = 0.0
    """The past or planned start of its engine, by the loop's clock."""
    gpu: Gpu = field(default_factory=Gpu)
    renewal: Renewal = field(default_factory=Renewal)
    used_at: float = 0.0
    """When a job was dispatched last, by the loop's clock."""
    built: LruCache[str, bool] = field(default_factory=lambda: LruCache(MAX_BUILT))
    """Keys of models that its engine has run, and so probably still has built."""
    is_retiring: bool = False
    """Whether its engine finishes the dispatched jobs and then ends."""
    lanes: tuple[EngineLane, EngineLane] = field(init=False)
    """The lane of runs, then that of concurrent requests."""

    def __post_init__(self) -> None:
        self.lanes = self.runs, self.concurrent

    def lane_of(self, request: EngineRequest[Any]) -> EngineLane:
        """Return the lane for a request."""
        return self.concurrent if request.is_concurrent else self.runs

    @property
    def load(self) -> int:
        """Number of dispatched and queued jobs."""
        return self.runs.load + self.concurrent.load

    @property
    def queued(self) -> list[Job]:
        """The queued jobs."""
        return [*self.runs.queue, *self.concurrent.queue]

    @property
    def running(self) -> list[Job]:
        """The dispatched jobs."""
        return [*self.runs.running, *self.concurrent.running]

    @property
    def ready(self) -> bool:
        """Whether the engine takes work."""
        return self.process is not None and self.process.ready is not None and not self.is_retiring

    def detach(self, process: Engine) -> EngineSlot:
        """Return a retiring slot with the engine and its dispatched jobs; queued jobs stay in this slot, and those that
        the retiring engine cannot finish are requeued here.
        """
        self.process = None
        runs, concurrent = (EngineLane(lane.depth, lane.queue, lane.running) for lane in self.lanes)
        for lane in self.lanes:
            lane.running = deque()
        return EngineSlot(self.number, process, runs, concurrent, self.ids, is_retiring=True)

    def current_job(self, number: int) -> tuple[EngineLane, Job] | None:
        """Return the job of this number and its lane, if the engine computes it."""
        for lane in self.lanes:
            if (job := lane.current) is not None and job.number == number:
                return lane, job
        return None

    def suspect(self) -> Job | None:
        """Return the suspected cause of the engine's death: a job that overran, else the current run."""
        overran = (job for job in self.running if job.is_closed)
        return next(overran, self.runs.current or self.concurrent.current)

    def dispatch(self, process: Engine, lane: EngineLane, most: int) -> list[Job]:
        """Send the next batch of a lane in one message, as far as shared memory has room for the arrays."""
        jobs: list[Job] = []
        messages: list[Request] = []
        for job in lane.next_batch(most):
            payloads = process.payloads(job.request.arrays)
            if payloads is None:
                break
            jobs.append(job)
            job.number = next(self.ids)
            messages.append(job.request.build_message(job.number, payloads))
        if jobs:
            process.send(_batch(messages))
        for job in jobs:
            self._start(lane, job, is_exclusive=len(jobs) == 1)
        return jobs

    def _start(self, lane: EngineLane, job: Job, is_exclusive: bool) -> None:
        lane.queue.take(job)
        lane.running.append(job)
        job.request.trace.engine, self.used_at = self.number, asyncio.get_running_loop().time()
        job.stop_timer()
        job.is_exclusive = is_exclusive

    def seconds_until_ready(self, start_seconds: float) -> float:
        """Return the remaining seconds of a start that takes this long."""
        remaining = self.started + start_seconds - asyncio.get_running_loop().time()
        return 0.0 if self.ready else max(0.0, remaining)


def _batch(messages: Sequence[Request]) -> Request | RunBatch:
    """Combine messages in one; several are always runs."""
    return messages[0] if len(messages) == 1 else RunBatch(cast(tuple[Run, ...], tuple(messages)))
