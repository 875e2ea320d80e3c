"""Pool of engines: processes of this machine, or actors of a cluster (`service.engines.cluster`)."""

from __future__ import annotations

import asyncio
from typing import Any

from models.errors import Draining, NotReady
from service.engines.client import EngineState
from service.engines.dispatcher import Dispatcher
from service.engines.engine import MakeEngine
from service.engines.engine_request import EngineRequest, ReplyT
from service.engines.figures import EngineFigures, Figures
from service.engines.launch import PROGRAM
from service.engines.pending_result import PendingResult
from service.engines.scaling import Scaling
from service.engines.slot import EngineSlot
from service.settings import Settings


class EnginePool:
    """Admits requests, and starts and stops engines."""

    def __init__(self, settings: Settings, program: str = PROGRAM, make_engine: MakeEngine | None = None) -> None:
        self.settings = settings
        self.dispatcher = Dispatcher(settings, program, make_engine)
        self.supervisor, self.admission = self.dispatcher.supervisor, self.dispatcher.admission
        self.slots = self.supervisor.slots
        self.draining = False
        self.scaling = Scaling(settings, self.supervisor, self.admission.costs) if settings.engines_max else None

    @property
    def restarts(self) -> int:
        """Number of engines that have died."""
        return self.dispatcher.endings.total()

    async def start(self) -> None:
        """Start every engine, without waiting for them."""
        self.supervisor.start()
        if self.scaling is not None:
            self.scaling.start()

    def dismiss(self) -> None:
        """Reject new requests, and close every job that is not computed; computed results are still sent."""
        self.draining = self.dispatcher.is_stopped = True
        for slot in (*self.slots, *self.supervisor.retiring):
            for job in (*slot.queued, *slot.running):
                if not (job.is_closed or job.is_computed):
                    job.close(Draining())

    async def stop(self) -> None:
        """End every engine, and close the remaining jobs."""
        self.dismiss()
        if self.scaling is not None:
            self.scaling.stop()
        for slot in (*self.slots, *self.supervisor.retiring):
            for job in slot.running:
                job.close(Draining())
        await self.supervisor.stop()

    def seconds_until_ready(self) -> float:
        """Return the seconds until the first engine is expected to be ready, by the last start's; 0 if one is."""
        return self.supervisor.seconds_until_ready()

    def states(self) -> list[EngineState]:
        """Return the state of each engine, those that are about to join included."""
        return [_state(slot) for slot in (*self.slots, *self.supervisor.joining)]

    def spare_states(self) -> list[EngineState]:
        """Return the state of each spare engine."""
        return [_state(slot) for slot in self.supervisor.spares]

    def figures(self) -> Figures:
        """Return the figures of all engines and queues."""
        queues = [lane.queue.total for slot in self.slots for lane in slot.lanes]
        return Figures(
            engines=tuple(map(_figures, self.slots)),
            spares=tuple(map(_figures, self.supervisor.spares)),
            restarts=self.dispatcher.endings | self.supervisor.replacements,
            queued=sum(usage.count for usage in queues),
            queued_bytes=sum(usage.nbytes for usage in queues),
            queued_seconds=max(0.0, sum(usage.seconds for usage in queues)),
        )

    async def submit(self, request: EngineRequest[ReplyT]) -> PendingResult[ReplyT]:
        """Queue a request; return its result when the header has arrived.

        Raises:
            Overloaded: the queues are full.
            Quarantined: the model has crashed engines before.
            EngineLost, DeadlineExceeded: it crashes this engine, or overruns.
        """
        self._check(request)
        if request.trace.arrival is not None:
            request.trace.arrival.end()
        slot, job = self.admission.admit(request)
        self.dispatcher.enqueue(slot, job)
        result: PendingResult[ReplyT] = job.result
        try:
            await asyncio.shield(result.header)
            return result
        finally:
            # The error refers to this frame, and would keep the arrays alive until the next garbage collection.
            del job, result

    def _check(self, request: EngineRequest[Any]) -> None:
        if self.draining:
            raise Draining()
        if all(slot.early_deaths > 1 for slot in self.slots):
            raise NotReady("Engines end before they are ready; the log says why.", (), self.seconds_until_ready())
        self.dispatcher.quarantine.check(request, self.admission.costs.has(request.kind))


def _figures(slot: EngineSlot) -> EngineFigures:
    return slot.process.figures() if slot.process is not None else EngineFigures()


def _state(slot: EngineSlot) -> EngineState:
    return slot.process.state() if slot.process is not None else EngineState(gpu=slot.gpu.name)
