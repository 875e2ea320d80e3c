"""Dispatch of jobs to engines: timeouts, replies, and crashes of engines."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from models.errors import (
    DeadlineExceeded,
    DeviceMemory,
    EngineLost,
    LayerscopeError,
    Overloaded,
    error_of,
)
from models.ipc.messages import Data, Failed, Reply, RunResult
from service.engines.admission import Admission
from service.engines.costs import CostEstimates
from service.engines.engine import Engine, MakeEngine
from service.engines.figures import DEADLINE
from service.engines.job import Job
from service.engines.lanes import EngineLane
from service.engines.quarantine import Quarantine
from service.engines.slot import EngineSlot
from service.engines.supervisor import EngineSupervisor
from service.settings import Settings

log = logging.getLogger("layerscope.engines")

START_SECONDS = 120.0
"""Time for an engine to become ready before the jobs in its queues are closed."""


class Dispatcher:
    """Sends each engine the jobs that it has room for, and passes its replies on to their results."""

    def __init__(self, settings: Settings, program: str, make_engine: MakeEngine | None = None) -> None:
        self._settings = settings
        self.supervisor = EngineSupervisor(settings, self, program, make_engine)
        self.slots = self.supervisor.slots
        self.admission = Admission(settings, self.slots, CostEstimates())
        self.quarantine = Quarantine()
        self.endings: Counter[str] = Counter()
        """Engines that died, by cause."""
        self.is_stopped = False

    def enqueue(self, slot: EngineSlot, job: Job) -> None:
        """Queue an admitted job."""
        slot.lane_of(job.request).queue.append(job)
        if job.request.trace.disconnect_callbacks is not None:
            job.request.trace.disconnect_callbacks.append(job.on_disconnect)
        self.dispatch(slot)
        if job.queue is not None:
            self._start_waiting(slot, job)

    def dispatch(self, slot: EngineSlot) -> None:
        """Send the engine the jobs that it has room for."""
        process = slot.process
        if process is None or not slot.ready:
            return
        for lane in slot.lanes:
            while lane.queue.total.count and (jobs := slot.dispatch(process, lane, self._settings.batch_requests)):
                if lane.running[0] is jobs[0]:
                    self._start_deadline(slot, jobs[0])

    def _start_deadline(self, slot: EngineSlot, job: Job) -> None:
        """Start the deadline of a job, as the engine starts to compute it."""
        loop = asyncio.get_running_loop()
        job.began = loop.time()
        job.timer = loop.call_later(self._settings.deadline, self.on_deadline, slot, job)

    def _start_waiting(self, slot: EngineSlot, job: Job) -> None:
        """Start the queueing timeout of a job, equal to the deadline, plus START_SECONDS while the engine starts."""
        job.stop_timer()
        seconds = self._settings.deadline + (0 if slot.ready else START_SECONDS)
        job.timer = asyncio.get_running_loop().call_later(seconds, self._on_queue_timeout, job)

    def _on_queue_timeout(self, job: Job) -> None:
        message = f"No engine was free within {self._settings.deadline:g} s."
        job.close(Overloaded(message, (), self.supervisor.seconds_until_ready()))

    def on_deadline(self, slot: EngineSlot, job: Job) -> None:
        """Kill the engine, which cannot be interrupted; `on_exit` follows as for any crash."""
        slot = next((retiring for retiring in self.supervisor.retiring if job in retiring.running), slot)
        if not job.is_retriable:
            seconds = self._settings.deadline
            self._fail(job, DeadlineExceeded(f"The request ran longer than {seconds:g} s and was stopped."))
        self._restart_waiting(slot)
        if slot.process is not None:
            slot.process.cause = DEADLINE
            slot.process.kill()

    def _restart_waiting(self, slot: EngineSlot) -> None:
        """Restart the timeouts of queued jobs: their engine died, or its successor is ready."""
        for job in slot.queued:
            if not job.is_closed:
                self._start_waiting(slot, job)

    def on_ready(self, slot: EngineSlot) -> None:
        """Dispatch jobs to an engine that is ready."""
        self._restart_waiting(slot)
        self.dispatch(slot)

    def on_memory_free(self, slot: EngineSlot) -> None:
        """Dispatch jobs to an engine that released shared memory of requests."""
        self.dispatch(slot)

    def on_message(self, slot: EngineSlot, process: Engine, message: Reply) -> None:
        """Handle a reply to the current run or the current concurrent request of an engine."""
        current = slot.current_job(message.id)
        if current is None or not (isinstance(message, (Failed, Data)) or current[1].result.accepts(message)):
            log.error("engine %d sent an unexpected reply to request %d", slot.number, message.id)
            process.kill()
            return
        lane, job = current
        match message:
            case Failed():
                if not job.is_closed:
                    job.result.fail(error_of(message.code, message.detail, message.problems))
            case Data():
                job.result.add(process.take(message.payload, job.client), message.count)
            case RunResult():
                job.build_seconds = message.build_ms / 1e3
                job.result.start(message, [process.take(payload, job.client) for payload in message.payloads])
            case _:
                job.result.start(message, [])
        if isinstance(message, Failed) or job.result.missing == 0:
            self._on_complete(slot, lane, job, isinstance(message, Failed) and message.code == DeviceMemory.code)

    def _on_complete(self, slot: EngineSlot, lane: EngineLane, job: Job, device_is_full: bool) -> None:
        """Finish a job and dispatch the next; an engine whose device is out of memory is replaced."""
        (self.quarantine.record_crash if device_is_full else self.quarantine.record_success)(job.request)
        if lane is slot.runs:
            slot.built.add(job.request.key, True)
        job.stop_timer()
        lane.running.popleft()
        self.admission.learn(lane, job)
        if lane.current is not None:
            self._start_deadline(slot, lane.current)
        if device_is_full and not slot.is_retiring:
            self.supervisor.replace(slot)
        else:
            self.dispatch(slot)
            self.supervisor.on_idle(slot)

    def on_exit(self, slot: EngineSlot, process: Engine) -> None:
        """Handle the death of an engine: the current job fails; the jobs after it, and those of a batch, are retried,
        each alone.
        """
        if slot.process is not process or self.is_stopped:
            return
        log.warning("engine %d ended (%s)", slot.number, process.ending())
        self.endings[process.cause] += 1
        self.supervisor.on_death(slot)
        suspect = slot.suspect()
        if suspect is not None and not suspect.is_retriable:
            slot.lane_of(suspect.request).running.remove(suspect)
            self._fail(suspect, EngineLost("", (), self.supervisor.seconds_until_ready()))
        for lane in slot.lanes:
            lane.requeue()
        if self._settings.ray:
            self._move_queued(slot)
        self._restart_waiting(slot)
        if slot.is_retiring:  # its successor may be idle
            for successor in self.slots:
                if successor.number == slot.number:
                    self.dispatch(successor)

    def _move_queued(self, slot: EngineSlot) -> None:
        """Move the jobs of an engine on a cluster to others: hours may pass until a node has room for its successor."""
        for job in reversed(slot.queued):
            target = self.admission.slot_for(job.request.key)
            if target is not slot:
                slot.lane_of(job.request).queue.remove(job)
                target.lane_of(job.request).queue.appendleft(job)
                self._start_waiting(target, job)
                self.dispatch(target)

    def _fail(self, job: Job, error: LayerscopeError) -> None:
        """Close a job, and record the crash, unless the job is computed: while its tensors are sent, the engine is busy
        with the next one, which is requeued in front.
        """
        if not (job.is_closed or job.is_computed):
            self.quarantine.record_crash(job.request)
        if not job.is_closed:
            job.close(error)
