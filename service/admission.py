"""Which requests may wait for an engine. A queue is bounded by the time it stands for, not by its length.

A queue may be long for a moment, since bursts pass, and half as long for as long as it likes, since clients that wait
for their answers send no more than they have connections. Once it is full, and while more comes than is done, it would
only make everybody wait for as long as it is: then it is kept as short as keeps engines busy.
Source: Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 2012; Maurer, "Fail at Scale", ACM Queue 2015.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Protocol
from zlib import crc32

from models.errors import Overloaded
from service.arrivals import Arrivals
from service.jobs import Answer, Job, Question
from service.lanes import Lane
from service.prices import Prices
from service.settings import Settings
from service.slots import Slot
from service.turns import NEVER, Line, Share

OVERLOAD_RUNS = 5
"""Runs of average length that may wait while others are refused: with those that an engine has already they are what
keeps it busy, and the last of them waits for little longer than at 80 % load.
"""
STANDING_RUNS = 25
"""Runs of average length that may wait for as long as nobody is refused."""
LONGEST_RUNS = 2
"""As many of the longest run that runs or waits may wait in any case: short ones behind it are not to blame."""
PAUSE_SECONDS = 0.25
"""Without a refusal, until STANDING_RUNS may wait again: under load that goes on, a line that is empty for a moment is
no pause.
"""
REFUSAL_SECONDS = 0.0005
"""What the front takes to refuse a request: time in which no engine is given anything."""
REFUSALS_OF_A_RUN = 8
"""Refusals that are charged like a run, where that is more: who asks for more than there is takes turns after those who
do not.
"""
OTHERS_SECONDS = 1.0
"""For which a client that had a place counts as another beside one that is refused."""
NOBODY: Counter[str] = Counter()
NOTHING = Share()


class Admission:
    """Bounds what waits in all lines, and in each what one client has there while others wait, too."""

    def __init__(self, settings: Settings, slots: Sequence[Slot], prices: Prices) -> None:
        self._settings, self._slots, self.prices = settings, slots, prices
        self.arrivals = Arrivals()
        self._beside = Prices()
        """Of what is answered beside runs: seconds for each byte of a document."""
        self._last, self._last_at, self._other_at = "", NEVER, NEVER
        """The client that had a place last, when that was, and when another had the last before it."""

    def place(self, question: Question) -> tuple[Slot, Job]:
        """A question's place: an engine's line, in which there is room for it.

        Raises:
            Overloaded: there is none; says when there will be.
        """
        expected = self._prices(question).expected(question.kind, question.course.client) * question.size
        slot, job = self._slot_for(question.key), Job(question, Answer(question.course), seconds=expected)
        self.check(slot, job)
        self._note(job.client)
        return slot, job

    def _note(self, client: str) -> None:
        now = asyncio.get_running_loop().time()
        if client != self._last:
            self._last, self._other_at = client, self._last_at
        self._last_at = now

    def has_others(self, client: str) -> bool:
        """Whether anybody else has had a place in any line of late."""
        at = self._other_at if client == self._last else self._last_at
        return asyncio.get_running_loop().time() - at < OTHERS_SECONDS

    def _slot_for(self, key: str) -> Slot:
        """The model's own engine, so that it is built once; an idle one when that is busy."""
        if len(self._slots) == 1:
            return self._slots[0]
        home = self._slots[crc32(key.encode()) % len(self._slots)]
        idle = [slot for slot in self._slots if slot.ready and slot.load == 0]
        if home.load and idle:
            return idle[0]
        ready = [slot for slot in self._slots if slot.ready]
        return home if home.ready or not ready else min(ready, key=lambda slot: slot.load)

    def _prices(self, question: Question) -> Prices:
        return self._beside if question.beside else self.prices

    def learn(self, lane: Lane, job: Job) -> None:
        """A job has ended: what the next of its kind is expected to take, and what its client is charged."""
        seconds = asyncio.get_running_loop().time() - job.began
        lane.waiting.correct(job, seconds)
        each = max(0.0, seconds - job.build_seconds) / job.question.size
        self._prices(job.question).learn(job.question.kind, job.client, each)

    def check(self, slot: Slot, job: Job) -> None:
        """Lets a job into line.

        Raises:
            Overloaded: there is no place for it; says when there will be.
        """
        if slot.process is not None and slot.process.held.get(job.client, 0) > int(self._settings.reply_memory) // 2:
            raise Overloaded("Replies that this client has not read yet hold half of the memory of all.")
        lines = [lane.waiting for one in self._slots for lane in one.lanes if lane.waiting]
        if lines:
            self._check_lines(slot, slot.lane_of(job.question), job, lines)

    def _check_lines(self, slot: Slot, lane: Lane, job: Job, lines: Sequence[Line]) -> None:
        """Raises Overloaded: what waits leaves no room."""
        if sum(map(len, lines)) >= self._places(job.client, lines):
            raise self._refused(lane, job.client, f"{self._settings.max_queue} requests are waiting already.")
        waiting = sum(line.total.nbytes for line in lines)
        if waiting and waiting + job.question.nbytes > int(self._settings.max_queue_bytes):
            message = "The inputs of waiting requests fill the memory that is set aside for them."
            raise self._refused(lane, job.client, message)
        mean = 0.0 if job.question.beside else self.prices.mean
        if slot.ready and not self._fits(lane, job.client, job.seconds, mean):
            message = "The requests that wait already take as long as requests may wait."
            raise self._refused(lane, job.client, message)

    def refusal(self, client: str) -> Overloaded | None:
        """What is said to a client whose request has not been read yet, and would have no place in any line."""
        mean, coming = self.prices.mean, self.arrivals.by_client
        if any(not slot.ready or self._fits(slot.runs, client, mean, mean, coming) for slot in self._slots):
            return None
        soonest = min((slot.runs for slot in self._slots), key=lambda lane: lane.waiting.total.seconds)
        return self._refused(soonest, client, "")

    def _places(self, client: str, lines: Sequence[Line]) -> int:
        """Places in all lines; a client with less than its share of them has one more although they are taken."""
        own = sum(line.shares[client].count for line in lines if client in line.shares)
        clients = len({client, *(other for line in lines for other in line.shares)})
        most = self._settings.max_queue
        return 2 * most if clients > 1 and own < most / clients else most

    def _fits(self, lane: Lane, client: str, seconds: float, mean: float, coming: Counter[str] = NOBODY) -> bool:
        """Whether a line has time left, or the client has less than its share of it; what comes before is as long as
        runs are on average.
        """
        line = lane.waiting
        if not (line or coming):
            return True
        each = mean / len(self._slots)
        bound = self._bound(lane, line.total, line.last_refusal, mean)
        if line.total.seconds + each * coming.total() + seconds <= bound:
            return True
        own, clients = line.shares.get(client, NOTHING), len({client, *line.shares, *coming})
        bound = self._bound(lane, own, line.refused(client), mean) / clients
        return clients > 1 and own.seconds + each * coming[client] + seconds <= bound

    def _bound(self, lane: Lane, share: Share, refused: float, mean: float) -> float:
        """Seconds that may wait in a line now, of jobs that take so many on average, 0 where nobody knows; `refused` is
        when one was refused last.
        """
        now, most = asyncio.get_running_loop().time(), self._settings.queue_seconds
        fewest = max(OVERLOAD_RUNS * mean, LONGEST_RUNS * lane.longest())
        if now - refused <= PAUSE_SECONDS:
            return fewest
        stands = share.count and now - share.since > most
        return max(fewest, STANDING_RUNS * mean, most / 2 if stands else most)

    def _refused(self, lane: Lane, client: str, detail: str) -> Overloaded:
        """With the seconds after which what waits now is done. Who asks in vain again and again has its turns later."""
        for line in {lane.waiting, *(slot.runs.waiting for slot in self._slots)}:
            line.refuse(client, max(REFUSAL_SECONDS, self.prices.mean / REFUSALS_OF_A_RUN))
        return Overloaded(detail, (), max(1.0, lane.waiting.total.seconds))


class Gate(Protocol):
    """What connections ask before a request is read."""

    arrivals: Arrivals

    def refusal(self, client: str) -> Overloaded | None:
        """Why a run that a client asks for need not be read."""
        ...

    def has_others(self, client: str) -> bool:
        """Whether others ask, too."""
