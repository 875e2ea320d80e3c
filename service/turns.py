"""Lines: jobs that wait for one engine, in fair turns between the clients that sent them.

Start-time fair queueing: a job's turn is when its client's earlier ones would be done if every client had an engine of
its own, so that a client with one small job waits for one job of a client with a thousand.
Source: Goyal, Vin and Cheng, "Start-time Fair Queuing", SIGCOMM 1996.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import nlargest
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.jobs import Job

NEVER = -inf
MAX_DEBT = 1.0
"""Seconds of what is no job, that a client can owe."""
MAX_ACCOUNTS = 4096
"""Clients whose work is remembered."""


@dataclass
class Share:
    """What waits: jobs, the seconds that they are expected to take, and the bytes of their inputs."""

    count: int = 0
    seconds: float = 0.0
    nbytes: int = 0
    since: float = 0.0
    """When there was nothing, the last time, by the loop's clock."""

    def add(self, job: Job, sign: int = 1) -> None:
        """Counts a job in, or with -1 out."""
        self.count += sign
        self.seconds += sign * job.seconds
        self.nbytes += sign * job.question.nbytes


class Line:
    """In the order of their turns; whatever is given up leaves at once."""

    def __init__(self) -> None:
        self._turns: list[tuple[float, int, Job]] = []
        self._clock = 0.0
        """The turn of the job that was taken last."""
        self._accounts: dict[str, float] = {}
        """By client: when its work up to now would be done."""
        self._last = self._first = 0
        self._refusals: dict[str, float] = {}
        """By client: when it was refused last, by the loop's clock."""
        self.last_refusal = NEVER
        self.total = Share()
        self.shares: dict[str, Share] = {}
        """Of the clients that have something in line."""

    def __iter__(self) -> Iterator[Job]:
        return (job for _, _, job in self._turns)

    def __len__(self) -> int:
        return len(self._turns)

    def append(self, job: Job) -> None:
        """A new job takes its turn."""
        begin = max(self._clock, self._accounts.get(job.client, 0.0))
        self._charge(job.client, begin + job.seconds)
        self._last += 1
        self._insert((begin, self._last, job))

    def appendleft(self, job: Job) -> None:
        """A job that has had its turn is next, before all others."""
        self._first -= 1
        turns = (self._clock, *(turn for turn, _, _ in self._turns[:1]))
        self._insert((min(turns), self._first, job))

    def extend(self, jobs: Iterable[Job]) -> None:
        """New jobs, one after the other."""
        for job in jobs:
            self.append(job)

    def _insert(self, turn: tuple[float, int, Job]) -> None:
        job = turn[2]
        now = asyncio.get_running_loop().time()
        if not self._turns:
            self.total.since = now
        insort(self._turns, turn)
        job.line = self
        self.total.add(job)
        self.shares.setdefault(job.client, Share(since=now)).add(job)

    def take(self, job: Job) -> None:
        """Takes a job out because its turn has come."""
        self._clock = max(self._clock, self.remove(job))

    def remove(self, job: Job) -> float:
        """Takes a job out; returns when its turn was."""
        index = next(index for index, (_, _, other) in enumerate(self._turns) if other is job)
        begin, _, _ = self._turns.pop(index)
        job.line = None
        self.total.add(job, -1)
        share = self.shares[job.client]
        share.add(job, -1)
        if not share.count:
            del self.shares[job.client]
        return begin

    def correct(self, job: Job, seconds: float) -> None:
        """Charges a job's client for what it took instead of what was expected."""
        if job.client in self._accounts:
            self._accounts[job.client] += seconds - job.seconds

    def refuse(self, client: str, seconds: float) -> None:
        """A client was refused a place, and is charged for the time that it took. For that it is never more than
        MAX_DEBT behind who owes nothing.
        """
        until = max(self._clock, self._accounts.get(client, 0.0))
        self._charge(client, max(until, min(until + seconds, self._clock + MAX_DEBT)))
        self.last_refusal = self._refusals[client] = asyncio.get_running_loop().time()

    def refused(self, client: str) -> float:
        """When a client was refused last, by the loop's clock."""
        return self._refusals.get(client, NEVER)

    def _charge(self, client: str, until: float) -> None:
        """Writes an account. Of MAX_ACCOUNTS those half that owe least make room for a new one."""
        if client not in self._accounts and len(self._accounts) >= MAX_ACCOUNTS:
            self._accounts = dict(nlargest(MAX_ACCOUNTS // 2, self._accounts.items(), key=itemgetter(1)))
            self._refusals = {one: at for one, at in self._refusals.items() if one in self._accounts}
        self._accounts[client] = until
