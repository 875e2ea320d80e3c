"""Engines as processes on this machine: start, watch, kill, replace, and hand requests to.

One implementation of `service.engines.client.Engines`; engines on other machines would be another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from models.errors import (
    DeadlineExceeded,
    DeviceMemory,
    Draining,
    EngineLost,
    LayerscopeError,
    NotReady,
    Overloaded,
    Problem,
    error_of,
)
from models.ipc.messages import Data, Failed, Planned, Reply, RunResult
from models.views.view import View
from service.engines.admission import Admission
from service.engines.costs import CostEstimates
from service.engines.jobs import EngineRequest, Job, PendingResult
from service.engines.lanes import EngineLane
from service.engines.process import EngineProcess, EngineState
from service.engines.quarantine import Quarantine
from service.engines.requests import plan_request
from service.engines.slot import EngineSlot
from service.engines.supervisor import EngineSupervisor
from service.settings import Settings

log = logging.getLogger("layerscope.engines")

START_SECONDS = 120.0
"""What an engine may take to become ready before the jobs in line for it are given up."""


class EnginePool:
    """Engine processes on this machine."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.supervisor = EngineSupervisor(settings, self._on_message, self._ready, self._on_exit)
        self.slots = self.supervisor.slots
        self.admission = Admission(settings, self.slots, CostEstimates())
        self.quarantine = Quarantine()
        self.draining = False
        self.restarts = 0

    async def start(self) -> None:
        """Starts every engine; does not wait for them."""
        self.supervisor.start()

    def dismiss(self) -> None:
        """Takes no more work, and tells who waits that the service is stopping. What is computed is still sent."""
        self.draining = True
        for slot in (*self.slots, *self.supervisor.leaving):
            for job in (*slot.runs.waiting, *slot.beside.waiting, *slot.running):
                if not (job.given_up or job.is_computed):
                    job.give_up(Draining())

    async def stop(self) -> None:
        """Ends every engine; jobs that are left are told that the service is stopping."""
        self.dismiss()
        for slot in (*self.slots, *self.supervisor.leaving):
            for job in slot.running:
                job.give_up(Draining())
        await self.supervisor.stop()

    def seconds_until_ready(self) -> float:
        """When the first of them is expected to take work, by how long the last start took; 0 when one does."""
        return self.supervisor.seconds_until_ready()

    def states(self) -> list[EngineState]:
        """What each engine is doing."""
        return [_state(slot) for slot in self.slots]

    def spare_states(self) -> list[EngineState]:
        """What each engine in reserve is doing."""
        return [_state(slot) for slot in self.supervisor.spares]

    async def plan(
        self,
        document: bytes,
        shapes: Mapping[str, tuple[int | None, ...]],
        outputs: tuple[str, ...],
        views: Mapping[str, View] | None = None,
    ) -> bytes:
        """The plan of a document as JSON."""
        answer = await self.submit(plan_request(document, shapes, outputs, views or {}))
        head = await answer.head
        return head.plan if isinstance(head, Planned) else b"null"

    async def submit(self, question: EngineRequest) -> PendingResult:
        """Puts a question in line; returns when the head of the answer is there.

        Raises:
            Overloaded: when too many wait already.
            Quarantined: when the model has killed engines before.
            EngineLost, DeadlineExceeded: when it kills this one, or does not finish.
        """
        self._admit(question)
        if question.trace.arrival is not None:
            question.trace.arrival.end()
        slot, job = self.admission.place(question)
        self._put_in_line(slot, job)
        answer = job.answer
        try:
            await asyncio.shield(answer.head)
            return answer
        finally:
            # They hold an error that holds this frame: the arrays would wait for a collection of garbage.
            del job, answer

    def _admit(self, question: EngineRequest) -> None:
        if self.draining:
            raise Draining()
        if all(slot.early_deaths > 1 for slot in self.slots):
            raise NotReady("Engines end before they are ready; the log says why.", (), self.seconds_until_ready())
        self.quarantine.check(question, self.admission.prices.knows(question.kind))

    def _put_in_line(self, slot: EngineSlot, job: Job) -> None:
        lane = slot.lane_of(job.question)
        self._start_waiting(slot, job)
        lane.waiting.append(job)
        if job.question.trace.hang_ups is not None:
            job.question.trace.hang_ups.append(job.hang_up)
        self._dispatch(slot)

    def _dispatch(self, slot: EngineSlot) -> None:
        """Hands the engine what it has room for."""
        most, process = self.settings.batch_requests, slot.process
        for lane in slot.lanes:
            while process is not None and slot.ready and (jobs := slot.dispatch(process, lane, most)):
                if lane.current is jobs[0]:
                    self._start_clock(slot, jobs[0])

    def _start_clock(self, slot: EngineSlot, job: Job) -> None:
        """The running deadline counts from when the engine turns to the job."""
        loop = asyncio.get_running_loop()
        job.began = loop.time()
        job.timer = loop.call_later(self.settings.deadline, self._ran_too_long, slot, job)

    def _start_waiting(self, slot: EngineSlot, job: Job) -> None:
        """A job may wait as long as it may run; the time an engine needs to start is not counted against it."""
        job.stop_clock()
        seconds = self.settings.deadline + (0 if slot.ready else START_SECONDS)
        job.timer = asyncio.get_running_loop().call_later(seconds, self._waited_too_long, job)

    def _waited_too_long(self, job: Job) -> None:
        waited = f"No engine was free within {self.settings.deadline:g} s."
        job.give_up(Overloaded(waited, (), self.seconds_until_ready()))

    def _ran_too_long(self, slot: EngineSlot, job: Job) -> None:
        """The engine cannot be interrupted: it is killed, and its end is noticed like any other."""
        slot = next((leaving for leaving in self.supervisor.leaving if job in leaving.running), slot)
        if job.is_unrepeatable:
            seconds = self.settings.deadline
            self._fail(job, DeadlineExceeded(f"The request ran longer than {seconds:g} s and was stopped."))
        self._restart_waiting(slot)
        if slot.process is not None:
            slot.process.kill()

    def _restart_waiting(self, slot: EngineSlot) -> None:
        """Jobs in line get their whole time again, when their engine is lost and when its successor is ready."""
        for job in (*slot.runs.waiting, *slot.beside.waiting):
            if not job.given_up:
                self._start_waiting(slot, job)

    def _ready(self, slot: EngineSlot) -> None:
        self._restart_waiting(slot)
        self._dispatch(slot)

    def _on_message(self, slot: EngineSlot, process: EngineProcess, message: Any) -> None:
        """One message from an engine: it belongs to the run that it computes, or to what it answers beside."""
        if message is None:
            self._dispatch(slot)
            return
        answered = slot.answered(message.id)
        if answered is None:
            log.error("an engine answered %d, which it was not at", message.id)
            process.kill()
            return
        lane, job = answered
        match message:
            case Failed():
                if not job.given_up:
                    job.answer.fail(error_of(message.code, message.detail, [Problem(*row) for row in message.problems]))
            case Data():
                job.answer.add(process.take(message.payload, job.client), message.count)
            case RunResult():
                job.build_seconds = message.build_ms / 1e3
                job.answer.begin(message, [process.take(payload, job.client) for payload in message.payloads])
            case Reply():
                job.answer.begin(message, [])
        if isinstance(message, Failed) or job.answer.missing == 0:
            full = isinstance(message, Failed) and message.code == DeviceMemory.code
            (self.quarantine.record_crash if full else self.quarantine.record_success)(job.question)
            self._finished(slot, lane, job)
            if full:
                self.supervisor.replace(slot)

    def _finished(self, slot: EngineSlot, lane: EngineLane, job: Job) -> None:
        job.stop_clock()
        lane.running.popleft()
        self.admission.learn(lane, job)
        if lane.current is not None:
            self._start_clock(slot, lane.current)
        self._dispatch(slot)
        self.supervisor.finished(slot)

    def _on_exit(self, slot: EngineSlot, process: EngineProcess) -> None:
        """An engine is gone: what it ran is lost, what comes after, or ran in a batch, runs again, each by itself."""
        if slot.process is not process or self.draining:
            return
        log.warning("engine %d ended (%s)", slot.number, process.ending())
        self.restarts += 1
        self.supervisor.lost(slot)
        culprit = slot.culprit()
        if culprit is not None and culprit.is_unrepeatable:
            slot.lane_of(culprit.question).running.remove(culprit)
            self._fail(culprit, EngineLost("", (), self.seconds_until_ready()))
        for lane in slot.lanes:
            lane.take_back()
        self._restart_waiting(slot)
        if slot.leaving:  # its successor may have nothing to do
            self._dispatch(self.slots[slot.number])

    def _fail(self, job: Job, error: LayerscopeError) -> None:
        """Blames it, unless it is computed: while it is sent the engine is at the next, which will be first in line."""
        if not (job.given_up or job.is_computed):
            self.quarantine.record_crash(job.question)
        if not job.given_up:
            job.give_up(error)


def _state(slot: EngineSlot) -> EngineState:
    return slot.process.state() if slot.process is not None else EngineState(gpu=slot.gpu.name)
