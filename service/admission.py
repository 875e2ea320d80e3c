"""Which requests may wait for an engine. A queue is bounded by the time it stands for, not by its length.

A queue that was empty a moment ago may be long, since bursts pass; one that has stood for a while would only make
everybody wait for as long as it is, hence it is kept as short as keeps engines busy.
Source: Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 2012; Maurer, "Fail at Scale", ACM Queue 2015.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from zlib import crc32

from models.errors import LayerscopeError, Overloaded
from service.jobs import Answer, Job, Question
from service.prices import Prices
from service.settings import Settings
from service.slots import Slot
from service.turns import Share

STANDING_RUNS = 10
"""Runs of average length that may wait where a queue stands: at 80 % load one request in a hundred waits for
as many."""
BURST_RUNS = 25
"""Runs of average length that may wait after a pause."""
LONGEST_RUNS = 2
"""As many of the longest run that runs or waits may wait in any case: short ones behind it are not to blame."""


class Admission:
    """Bounds what waits in all lines, and in each what one client has there while others wait, too."""

    def __init__(self, settings: Settings, slots: Sequence[Slot], prices: Prices) -> None:
        self._settings, self._slots, self.prices = settings, slots, prices
        self._beside = Prices()
        """Of what is answered beside runs: seconds for each byte of a document."""

    def place(self, question: Question) -> tuple[Slot, Job]:
        """A question's place: an engine's line, in which there is room for it.

        Raises:
            Overloaded: there is none; says when there will be.
        """
        expected = self._prices(question).expected(question.kind, question.course.client) * question.size
        slot, job = self._slot_for(question.key), Job(question, Answer(question.course), seconds=expected)
        self.check(slot, job)
        return slot, job

    def _slot_for(self, key: str) -> Slot:
        """The model's own engine, so that it is built once; an idle one when that is busy."""
        home = self._slots[crc32(key.encode()) % len(self._slots)]
        idle = [slot for slot in self._slots if slot.ready and slot.load == 0]
        if home.load and idle:
            return idle[0]
        ready = [slot for slot in self._slots if slot.ready]
        return home if home.ready or not ready else min(ready, key=lambda slot: slot.load)

    def _prices(self, question: Question) -> Prices:
        return self._beside if question.beside else self.prices

    def learn(self, slot: Slot, job: Job) -> None:
        """A job has ended: what the next of its kind is expected to take, and what its client is charged."""
        seconds = asyncio.get_running_loop().time() - job.began
        slot.waiting.correct(job, seconds)
        each = max(0.0, seconds - job.build_seconds) / job.question.size
        self._prices(job.question).learn(job.question.kind, job.client, each)

    def check(self, slot: Slot, job: Job) -> None:
        """Lets a job into line.

        Raises:
            Overloaded: there is no place for it; says when there will be.
        """
        if sum(len(one.waiting) for one in self._slots) >= self._places(job.client):
            raise self._overloaded(slot, f"{self._settings.max_queue} requests are waiting already.")
        waiting = sum(one.waiting.total.nbytes for one in self._slots)
        if waiting and waiting + job.question.nbytes > int(self._settings.max_queue_bytes):
            raise self._overloaded(slot, "The inputs of waiting requests fill the memory that is set aside for them.")
        if slot.process is not None and slot.process.held.get(job.client, 0) > int(self._settings.reply_memory) // 2:
            raise Overloaded("Replies that this client has not read yet hold half of the memory of all.")
        if not self._fits(slot, job.client, job.seconds, job.question.beside):
            raise self._overloaded(slot, "The requests that wait already take as long as requests may wait.")

    def refusal(self, client: str) -> LayerscopeError | None:
        """What is said to a client whose request has not been read yet, and would have no place in any line."""
        if any(self._fits(slot, client, self.prices.mean) for slot in self._slots):
            return None
        return self._overloaded(min(self._slots, key=lambda slot: slot.waiting.total.seconds), "")

    def _places(self, client: str) -> int:
        """Places in all lines; a client with less than its share of them has one more although they are taken."""
        own = sum(slot.waiting.shares[client].count for slot in self._slots if client in slot.waiting.shares)
        clients = len({client, *(other for slot in self._slots for other in slot.waiting.shares)})
        most = self._settings.max_queue
        return 2 * most if clients > 1 and own < most / clients else most

    def _fits(self, slot: Slot, client: str, seconds: float, beside: bool = False) -> bool:
        """Whether a line has time left, or the client has less than its share of it. Runs pass what is done beside."""
        line = slot.waiting
        if not line or not slot.ready:
            return True
        bound = self._bound(slot, beside)
        if _seconds(line.total, beside) + seconds <= bound:
            return True
        own = line.shares.get(client)
        clients = len(line.shares) + (own is None)
        return clients > 1 and (_seconds(own, beside) if own is not None else 0.0) + seconds <= bound / clients

    def _bound(self, slot: Slot, beside: bool) -> float:
        """Seconds that may wait in a line now."""
        mean = 0.0 if beside else self.prices.mean
        bound = max(STANDING_RUNS * mean, LONGEST_RUNS * slot.longest(beside))
        burst = max(self._settings.queue_seconds, BURST_RUNS * mean)
        was_empty = asyncio.get_running_loop().time() - slot.emptied < burst
        return max(bound, burst) if was_empty else bound

    def _overloaded(self, slot: Slot, detail: str) -> Overloaded:
        """With the seconds after which what waits now is done."""
        return Overloaded(detail, (), max(1.0, slot.waiting.total.seconds))


def _seconds(share: Share, beside: bool) -> float:
    """What waits of runs, or of what is done beside them."""
    return share.beside if beside else share.of_runs


Gate = Callable[[str], LayerscopeError | None]
"""Says why a client's request need not be read."""
