"""Fair queue of the jobs of one engine: the clients that sent them take turns.

Start-time fair queueing: the turn of a job is when the earlier jobs of its client would be done if every client had an
engine of its own, so that a client with one small job waits for one job of a client with a thousand. One that asks
for more than there is weighs less.
Source: Goyal, Vin and Cheng, "Start-time Fair Queuing", SIGCOMM 1996.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nlargest
from itertools import islice
from math import inf
from operator import itemgetter
from typing import Generic, Protocol, Self, TypeVar

from service.access.arrivals import FLOODING_SECONDS

NEVER = -inf
FLOODING_WEIGHT = 8
"""How many times its work is charged meanwhile: those below their share go first, however many jobs they bring at once,
and it still gets one run of nine from those that are not.
"""
OTHERS_SECONDS = 1.0
"""Time for which a client counts as another one beside a client that is flooding."""
MAX_ACCOUNTS = 4096
"""Bound of the number of clients with an account."""


class Queueable(Protocol):
    """The attributes of a job that a queue needs."""

    client: str
    seconds: float
    nbytes: int
    queue: FairQueue[Self] | None


JobT = TypeVar("JobT", bound=Queueable)


@dataclass
class QueueUsage:
    """Jobs in a queue: their number, their estimated seconds, and the bytes of their inputs."""

    count: int = 0
    seconds: float = 0.0
    nbytes: int = 0
    since: float = 0.0
    """When the queue was empty last, by the loop's clock."""

    def add(self, job: Queueable, sign: int = 1) -> None:
        """Count a job in, or with -1 out."""
        self.count += sign
        self.seconds += sign * job.seconds
        self.nbytes += sign * job.nbytes


class FairQueue(Generic[JobT]):
    """Jobs in the order of their turns; a closed job is removed at once."""

    def __init__(self) -> None:
        self._turns: list[tuple[float, int, JobT]] = []
        self._clock = 0.0
        """The turn of the last taken job."""
        self._accounts: dict[str, float] = {}
        """By client: when its work up to now would be done."""
        self._last = self._first = 0
        self._latest, self._latest_at, self._other_at = "", NEVER, NEVER
        """The client of the latest job, when that was added, and when the latest of another client before it was."""
        self._refusals: dict[str, float] = {}
        """By flooding client: when it was refused last, by the loop's clock; the latest last."""
        self.last_refusal = NEVER
        self.total = QueueUsage()
        self.usage: dict[str, QueueUsage] = {}
        """By client, for clients with jobs in the queue."""

    def __iter__(self) -> Iterator[JobT]:
        return (job for _, _, job in self._turns)

    def __len__(self) -> int:
        return len(self._turns)

    def append(self, job: JobT) -> None:
        """Add a new job, whose turn is assigned."""
        begin = max(self._clock, self._accounts.get(job.client, 0.0))
        weight = FLOODING_WEIGHT if self.is_flooding(job.client) else 1
        self._charge(job.client, begin + weight * job.seconds)
        self._last += 1
        self._insert((begin, self._last, job))
        self._record(job.client)

    def _record(self, client: str) -> None:
        """Record that a job of this client was added."""
        if client != self._latest:
            self._latest, self._other_at = client, self._latest_at
        self._latest_at = asyncio.get_running_loop().time()

    def has_others(self, client: str) -> bool:
        """Whether a job of another client was added recently."""
        at = self._other_at if client == self._latest else self._latest_at
        return asyncio.get_running_loop().time() - at < OTHERS_SECONDS

    def appendleft(self, job: JobT) -> None:
        """Requeue a job that has had its turn, before all others."""
        self._first -= 1
        turns = (self._clock, *(turn for turn, _, _ in self._turns[:1]))
        self._insert((min(turns), self._first, job))

    def _insert(self, turn: tuple[float, int, JobT]) -> None:
        job = turn[2]
        now = asyncio.get_running_loop().time()
        if not self._turns:
            self.total.since = now
        insort(self._turns, turn)
        job.queue = self
        self.total.add(job)
        self.usage.setdefault(job.client, QueueUsage(since=now)).add(job)

    def take(self, job: JobT) -> None:
        """Remove a job because its turn has come."""
        self._clock = max(self._clock, self.remove(job))

    def remove(self, job: JobT) -> float:
        """Remove a job, and return its turn."""
        index = next(index for index, (_, _, other) in enumerate(self._turns) if other is job)
        begin, _, _ = self._turns.pop(index)
        job.queue = None
        self.total.add(job, -1)
        usage = self.usage[job.client]
        usage.add(job, -1)
        if not usage.count:
            del self.usage[job.client]
        return begin

    def correct(self, job: JobT, seconds: float) -> None:
        """Charge the client of a job for the time that it took instead of the estimate."""
        if job.client in self._accounts:
            self._accounts[job.client] += seconds - job.seconds

    def refuse(self, client: str, *, is_flooding: bool = True) -> None:
        """Record a refusal, and that its client asks for more than there is, if it does."""
        self.last_refusal = asyncio.get_running_loop().time()
        if is_flooding:
            self._record_flooding(client)

    def _record_flooding(self, client: str) -> None:
        self._refusals.pop(client, None)
        self._refusals[client] = self.last_refusal
        if len(self._refusals) > MAX_ACCOUNTS:
            self._refusals = dict(islice(self._refusals.items(), MAX_ACCOUNTS // 2, None))

    def is_flooding(self, client: str) -> bool:
        """Whether a client that asks for more than there is was refused just now."""
        return asyncio.get_running_loop().time() - self._refusals.get(client, NEVER) <= FLOODING_SECONDS

    def _charge(self, client: str, until: float) -> None:
        """Write an account. Of MAX_ACCOUNTS, the half that is least ahead makes room for a new one."""
        if client not in self._accounts and len(self._accounts) >= MAX_ACCOUNTS:
            self._accounts = dict(nlargest(MAX_ACCOUNTS // 2, self._accounts.items(), key=itemgetter(1)))
        self._accounts[client] = until
