"""Admission control of the queues, which are bounded by the seconds of work that they hold, not by their length.

A queue may be long for a moment, since bursts pass, and half as long for any time, since clients that wait for their
responses send no more than they have connections. Once it is full, and while more arrives than is done, its length only
adds latency: then it is cut, and kept just long enough to keep the engines busy.
Source: Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 2012; Maurer, "Fail at Scale", ACM Queue 2015.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence, Set
from typing import Any
from zlib import crc32

from models.errors import Overloaded
from service.access.arrivals import FLOODING_SECONDS, Arrivals
from service.engines.costs import CostEstimates
from service.engines.demand import Demand
from service.engines.engine_request import EngineRequest
from service.engines.fair_queue import FairQueue, QueueUsage
from service.engines.job import Job
from service.engines.lanes import EngineLane
from service.engines.pending_result import PendingResult
from service.engines.slot import EngineSlot
from service.settings import Settings

OVERLOAD_RUNS = 4
"""Runs of average length that may wait while others are refused: with the dispatched ones they keep an engine busy, and
the last of them waits little longer than at 80 % load.
"""
STANDING_RUNS = 25
"""Runs of average length that may wait while none is refused for FLOODING_SECONDS: under constant load a queue is empty
for shorter moments.
"""
STANDING_SHARE = 0.25
"""Share of the bound for which a queue may have more than half of the bound."""
LONGEST_RUNS = 2
"""Runs as long as the longest dispatched or queued one that may wait in any case, for the sake of short ones behind it.
"""
FULL = "The requests that wait already take as long as requests may wait."
REPLY_SHARE = 0.5
"""Most of reply memory that one client may hold, whatever its share."""
NO_ARRIVALS: Counter[str] = Counter()
NO_USAGE = QueueUsage()


class Admission:
    """Bounds of all queues, and of each client's share of a contended queue."""

    def __init__(self, settings: Settings, slots: Sequence[EngineSlot], costs: CostEstimates) -> None:
        self._settings, self._slots, self.costs = settings, slots, costs
        self.arrivals, self._demand = Arrivals(), Demand()
        self._homes = len(slots)
        """The slots that models are assigned to; those that join later take what is too much for these."""
        self._concurrent_costs = CostEstimates()
        """Costs of concurrent requests, in seconds per byte of the document."""

    def admit(self, request: EngineRequest[Any]) -> tuple[EngineSlot, Job]:
        """Choose the slot of a request, and check that its queue has room.

        Raises:
            Overloaded: with the seconds until there is room.
        """
        estimate = self._costs_of(request).estimate(request.kind, request.trace.client) * request.size
        self._demand.add(request.trace.client, estimate)
        slot = self.slot_for(request.key)
        job = Job(request, PendingResult(request.reply, request.trace), seconds=estimate)
        self.check(slot, job)
        return slot, job

    def floods_beside_others(self, client: str) -> bool:
        """Whether a client was refused recently while requests of others were queued."""
        queues = [lane.queue for slot in self._slots for lane in slot.lanes]
        return any(queue.is_flooding(client) for queue in queues) and any(queue.has_others(client) for queue in queues)

    def slot_for(self, key: str) -> EngineSlot:
        """Return the home slot of the model, so that it is built once; an idle one if that is busy."""
        if len(self._slots) == 1:
            return self._slots[0]
        home = self._slots[crc32(key.encode()) % self._homes]
        if self._settings.ray:
            return self._least_loaded(key, home)
        idle = [slot for slot in self._slots if slot.ready and slot.load == 0]
        if home.load and idle:
            return idle[0]
        ready = [slot for slot in self._slots if slot.ready]
        return home if home.ready or not ready else min(ready, key=lambda slot: slot.load)

    def _least_loaded(self, key: str, home: EngineSlot) -> EngineSlot:
        """Return the engine with the fewest jobs, where building the model counts as one; its home among equals."""
        ready = [slot for slot in self._slots if slot.ready]
        loads = {slot.number: slot.load + (not slot.built.get(key)) for slot in ready}
        return min(ready, key=lambda slot: (loads[slot.number], slot is not home), default=home)

    def _costs_of(self, request: EngineRequest[Any]) -> CostEstimates:
        return self._concurrent_costs if request.is_concurrent else self.costs

    def learn(self, lane: EngineLane, job: Job) -> None:
        """Learn the cost of a job that has ended, and charge its client."""
        seconds = asyncio.get_running_loop().time() - job.began
        lane.queue.correct(job, seconds)
        cost = max(0.0, seconds - job.build_seconds) / job.request.size
        self._costs_of(job.request).learn(job.request.kind, job.client, cost)

    def check(self, slot: EngineSlot, job: Job) -> None:
        """Check that a job may be queued.

        Raises:
            Overloaded: with the seconds until there is room.
        """
        share = job.request.trace.share
        held = 0 if slot.process is None else slot.process.held.get(job.client, 0)
        if held > min(share, REPLY_SHARE) * int(self._settings.reply_memory):
            raise Overloaded("Replies that this client has not read yet hold as much memory as it may.")
        if share < 1:
            self._check_share(job, share)
        queues = [lane.queue for slot in self._slots for lane in slot.lanes if lane.queue.total.count]
        if queues:
            self._check_queues(slot, slot.lane_of(job.request), job, queues)

    def _check_share(self, job: Job, share: float) -> None:
        """Raise Overloaded if the client would hold more than its share of the queues."""
        usages = [lane.queue.usage.get(job.client, NO_USAGE) for slot in self._slots for lane in slot.lanes]
        count, seconds = sum(usage.count for usage in usages), sum(usage.seconds for usage in usages)
        nbytes, settings = sum(usage.nbytes for usage in usages), self._settings
        if count and (
            count >= share * settings.max_queue
            or seconds + job.seconds > share * settings.queue_seconds
            or nbytes + job.nbytes > share * int(settings.max_queue_bytes)
        ):
            message = "The requests of this key that wait are as many as its share of the queue allows."
            raise Overloaded(message, (), max(1.0, seconds))

    def _check_queues(self, slot: EngineSlot, lane: EngineLane, job: Job, queues: Sequence[FairQueue[Job]]) -> None:
        """Raise Overloaded if the queued jobs leave no room."""
        if sum(map(len, queues)) >= self._max_count(job.client, queues):
            raise self._overloaded(lane, job.client, f"{self._settings.max_queue} requests are waiting already.")
        nbytes = sum(queue.total.nbytes for queue in queues)
        if nbytes and nbytes + job.nbytes > int(self._settings.max_queue_bytes):
            message = "The inputs of waiting requests fill the memory that is set aside for them."
            raise self._refused(lane, job.client, message)
        mean = 0.0 if job.request.is_concurrent else self.costs.mean
        if slot.ready and not self._fits(lane, job.client, job.seconds, mean):
            raise self._overloaded(lane, job.client, FULL)

    def refusal(self, client: str) -> Overloaded | None:
        """Return the refusal of a run whose body has not been read, if no queue has room for it."""
        mean, arrivals = self.costs.mean, self.arrivals.by_client
        slots = [slot for slot in self._slots if slot.ready]
        if not slots or any(self._fits(slot.runs, client, mean, mean, arrivals) for slot in slots):
            return None
        self._demand.add(client, mean)
        soonest = min((slot.runs for slot in self._slots), key=lambda lane: lane.queue.total.seconds)
        return self._overloaded(soonest, client, "")

    def _max_count(self, client: str, queues: Sequence[FairQueue[Job]]) -> int:
        """Return how many jobs all queues may hold; a client below its share of a full queue may still add one."""
        own = sum(queue.usage[client].count for queue in queues if client in queue.usage)
        clients = len({client, *(other for queue in queues for other in queue.usage)})
        limit = self._settings.max_queue
        return 2 * limit if clients > 1 and own < limit / clients else limit

    def _fits(
        self, lane: EngineLane, client: str, seconds: float, mean: float, arrivals: Counter[str] = NO_ARRIVALS
    ) -> bool:
        """Whether a queue has seconds left, or the client is below its share. Arrivals count as runs of average length,
        spread over all slots.
        """
        queue, clients = lane.queue, {client, *lane.queue.usage, *arrivals}
        if not (queue or arrivals):
            return True
        arriving = mean / len(self._slots)
        if queue.total.seconds + arriving * arrivals.total() + seconds <= self._bound(lane, mean):
            return True
        own = queue.usage.get(client, NO_USAGE).seconds + arriving * arrivals[client] + seconds
        return len(clients) > 1 and own <= self._own_bound(lane, client, clients, mean)

    def _bound(self, lane: EngineLane, mean: float) -> float:
        """Return the seconds of work that may wait now; `mean` is 0 before any run has ended."""
        now, usage, limit = asyncio.get_running_loop().time(), lane.queue.total, self._settings.queue_seconds
        if now - lane.queue.last_refusal <= FLOODING_SECONDS:
            return self._least(lane, mean)
        is_standing = usage.count and now - usage.since > STANDING_SHARE * limit
        return max(self._least(lane, mean), STANDING_RUNS * mean, limit / 2 if is_standing else limit)

    def _own_bound(self, lane: EngineLane, client: str, clients: Set[str], mean: float) -> float:
        """Return the seconds of work of one client that may wait whatever others have in the queue: its share of what
        those leave that ask for more than there is, of which each has its share of the least.
        """
        flooding = [one for one in clients if lane.queue.is_flooding(one)]
        if client in flooding:
            return self._least(lane, mean) / len(clients)
        seconds = max(self._least(lane, mean), STANDING_RUNS * mean, self._settings.queue_seconds)
        return seconds / (len(clients) - len(flooding))

    def _least(self, lane: EngineLane, mean: float) -> float:
        """Return the seconds of work that may wait in any case."""
        return max(OVERLOAD_RUNS * mean, LONGEST_RUNS * lane.longest())

    def _overloaded(self, lane: EngineLane, client: str, detail: str) -> Overloaded:
        """Build the refusal of a client that asks for more than there is. If it is of a run, and the first for long,
        the runs that it was let in with meanwhile are refused, too.
        """
        runs = [slot.runs for slot in self._slots]
        if lane in runs and not (lane.queue.is_flooding(client) or self._demand.is_modest(client)):
            for one in runs:
                self._shorten(one.queue, client)
        return self._refused(lane, client, detail)

    def _shorten(self, queue: FairQueue[Job], client: str) -> None:
        """Refuse the jobs of a client that wait beyond OVERLOAD_RUNS: they would delay others, and those after them."""
        kept, seconds = 0.0, max(1.0, queue.total.seconds)
        for job in [job for job in queue if job.client == client]:
            kept += job.seconds
            if kept > OVERLOAD_RUNS * self.costs.mean:
                job.close(Overloaded(FULL, (), seconds))

    def _refused(self, lane: EngineLane, client: str, detail: str) -> Overloaded:
        """Build a refusal with the seconds of the queued work, and record it. It is not held against a client that asks
        for less than others do: the machine may have been slow for a moment.
        """
        is_flooding = not self._demand.is_modest(client)
        for queue in {lane.queue, *(slot.runs.queue for slot in self._slots)}:
            queue.refuse(client, is_flooding=is_flooding)
        return Overloaded(detail, (), max(1.0, lane.queue.total.seconds))
