"""Memory for what bodies become when they are decoded, all requests together: pictures, numbers, archives, forms.

Bodies themselves are `body_limit`'s, and arrays that wait for an engine the queue's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from models.errors import Overloaded, Problem, TooLarge
from service.requests.heap_trimmer import HeapTrimmer

FREE = 1 << 20
"""Bytes that a request may take without asking: most take no more."""
WAIT_SECONDS = 5.0
"""For room, before a request is refused."""
Made = TypeVar("Made")


class NoRoom(Exception):
    """What is to be decoded next needs more than its request holds; nothing of it has been decoded."""


class DecodeMemory:
    """A bounded number of bytes, handed out in the order in which they were asked for."""

    def __init__(self, limit: int, seconds: float = WAIT_SECONDS) -> None:
        self.limit, self._seconds = limit, seconds
        self.free = limit
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.heap_trimmer = HeapTrimmer()

    def share(self) -> MemoryShare:
        """What one request takes; it is given back at the end of a `with` block."""
        return MemoryShare(self)

    async def take(self, nbytes: int) -> None:
        """Takes bytes when those who asked before have theirs.

        Raises:
            Overloaded: there was no room for some seconds.
        """
        if not self._waiting and nbytes <= self.free:
            self.free -= nbytes
            return
        place: tuple[int, asyncio.Future[None]] = (nbytes, asyncio.get_running_loop().create_future())
        self._waiting.append(place)
        try:
            async with asyncio.timeout(self._seconds):
                await place[1]
        except BaseException as error:
            self._give_up(place)
            if not isinstance(error, TimeoutError):
                raise
            message = "What other requests send is being decoded in all the memory that is set aside for it."
            raise Overloaded(message, (), self._seconds) from None

    def _give_up(self, place: tuple[int, asyncio.Future[None]]) -> None:
        """A place in line is left, even in the moment in which its turn has come."""
        if place in self._waiting:
            self._waiting.remove(place)
            self._serve()
        else:
            self.give_back(place[0])

    def give_back(self, nbytes: int) -> None:
        """Hands bytes to whoever waits."""
        self.free += nbytes
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self.free:
            nbytes, turn = self._waiting.popleft()
            self.free -= nbytes
            if not turn.done():
                turn.set_result(None)


@dataclass
class MemoryShare:
    """What one request takes of it. `claim` is called wherever something is decoded, also on threads."""

    memory: DecodeMemory
    held: int = field(default=0, init=False)
    """Bytes that are taken of the memory."""
    claimed: int = field(default=0, init=False)
    """Bytes that what has been decoded takes."""

    def __enter__(self) -> MemoryShare:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()

    def claim(self, nbytes: int, size: int, unit: str, pointer: str = "") -> None:
        """Says that so many bytes more are needed, for something of which the size is known in some unit.

        Raises:
            TooLarge: there are never as many; says what size would fit.
            NoRoom: they are to be taken first.
        """
        if nbytes > self.memory.limit - self.claimed:
            raise self._too_large(nbytes, size, unit, pointer)
        self.claimed += nbytes
        if self.claimed > FREE and self.claimed > self.held:
            raise NoRoom

    def claim_json(self, nbytes: int, size: int, pointer: str) -> None:
        """`claim` for what is made of JSON. Raises as it does."""
        self.claim(nbytes, size, "bytes of JSON", pointer)

    def _too_large(self, nbytes: int, size: int, unit: str, pointer: str) -> TooLarge:
        fits = size * (self.memory.limit - self.claimed) // nbytes
        message = "decoded, this takes more memory than all requests have together"
        expected = f"at most {fits:,} {unit}; {self.memory.limit:,} bytes are set aside"
        received = f"{size:,} {unit}, which take {nbytes:,} bytes"
        return TooLarge("", [Problem(pointer, message, expected, received, "send a smaller batch, or smaller inputs")])

    async def run(self, function: Callable[..., Made], *arguments: object, on_thread: bool = True) -> Made:
        """A function that claims what it decodes, begun again with more where it needs more; on a thread, but for what
        is small.

        Raises:
            Overloaded: as `take` of the memory.
        """
        before = self.claimed
        while True:
            try:
                made = await run_in_threadpool(function, *arguments) if on_thread else function(*arguments)
            except NoRoom:
                needed, self.claimed, on_thread = self.claimed, before, True
                await self._hold(before, needed)
            else:
                if on_thread:
                    self.memory.heap_trimmer.expect(self.held)
                return made

    async def _hold(self, before: int, needed: int) -> None:
        """Takes what is needed, and at least twice what was not enough, so that little is begun again. What is not in
        use is given back first: two that hold some and wait for more would wait for each other.
        """
        wanted = max(needed, min(2 * self.held, self.memory.limit))
        kept = min(before, self.held)
        self.memory.give_back(self.held - kept)
        self.held = kept
        await self.memory.take(wanted - kept)
        self.held = wanted

    def give_back(self) -> None:
        """Nothing of what was decoded is kept any more, or others count it."""
        if self.held:
            self.memory.give_back(self.held)
            self.memory.heap_trimmer.expect(self.held)
        self.held = self.claimed = 0
