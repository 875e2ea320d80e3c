"""Memory budget of all requests for decoding bodies: images, numbers, archives, forms.

`body_limit` bounds the bodies themselves, and the queue the arrays that wait for an engine.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from models.errors import Overloaded, TooLarge
from service.requests.heap_trimmer import HeapTrimmer

FREE = 1 << 20
"""Bytes that a request may use without acquiring them: most need no more."""
WAIT_SECONDS = 5.0
"""Time that a request waits for memory before it is rejected."""
Result = TypeVar("Result")


class NoRoom(Exception):
    """The next decoding step needs more memory than its request holds; the step has not begun."""


class DecodeMemory:
    """Byte semaphore, served in the order of the requests."""

    def __init__(self, limit: int, seconds: float = WAIT_SECONDS) -> None:
        self.limit, self._seconds = limit, seconds
        self.free = limit
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.heap_trimmer = HeapTrimmer()

    def share(self) -> MemoryShare:
        """Create the share of one request, which is released at the end of a `with` block."""
        return MemoryShare(self)

    async def acquire(self, nbytes: int) -> None:
        """Acquire bytes, after all earlier waiters.

        Raises:
            Overloaded: they did not become free in time.
        """
        if not self._waiters and nbytes <= self.free:
            self.free -= nbytes
            return
        waiter: tuple[int, asyncio.Future[None]] = (nbytes, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(self._seconds):
                await waiter[1]
        except BaseException as error:
            self._give_up(waiter)
            if not isinstance(error, TimeoutError):
                raise
            message = "What other requests send is being decoded in all the memory that is set aside for it."
            raise Overloaded(message, (), self._seconds) from None

    def _give_up(self, waiter: tuple[int, asyncio.Future[None]]) -> None:
        """Leave the queue; bytes that were granted in the same moment are released."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            self._wake_waiters()
        else:
            self.release(waiter[0])

    def release(self, nbytes: int) -> None:
        """Release bytes to the waiters."""
        self.free += nbytes
        self._wake_waiters()

    def _wake_waiters(self) -> None:
        while self._waiters and self._waiters[0][0] <= self.free:
            nbytes, granted = self._waiters.popleft()
            self.free -= nbytes
            if not granted.done():
                granted.set_result(None)


@dataclass
class MemoryShare:
    """Share of one request in the decode memory. Decoders call `claim`, also on threads."""

    memory: DecodeMemory
    held: int = field(default=0, init=False)
    """Bytes that are acquired from the memory."""
    claimed: int = field(default=0, init=False)
    """Bytes that decoded values take."""

    def __enter__(self) -> MemoryShare:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def claim(self, nbytes: int, size: int, unit: str, pointer: str = "") -> None:
        """Claim `nbytes` more before a value is decoded; `size` in `unit` is the size of its encoded form.

        Raises:
            TooLarge: the whole memory is not enough; with the size that would fit.
            NoRoom: they must be acquired first.
        """
        if nbytes > self.memory.limit - self.claimed:
            raise self._too_large(nbytes, size, unit, pointer)
        self.claimed += nbytes
        if self.claimed > FREE and self.claimed > self.held:
            raise NoRoom

    def claim_json(self, nbytes: int, size: int, pointer: str) -> None:
        """Claim memory for values parsed from JSON; raises as `claim`."""
        self.claim(nbytes, size, "bytes of JSON", pointer)

    def _too_large(self, nbytes: int, size: int, unit: str, pointer: str) -> TooLarge:
        fits = size * (self.memory.limit - self.claimed) // nbytes
        message = "decoded, this takes more memory than all requests have together"
        expected = f"at most {fits:,} {unit}; {self.memory.limit:,} bytes are set aside"
        received = f"{size:,} {unit}, which take {nbytes:,} bytes"
        return TooLarge.at(
            pointer, message, expected=expected, received=received, suggestion="send a smaller batch, or smaller inputs"
        )

    async def run(self, function: Callable[..., Result], *arguments: object, on_thread: bool = True) -> Result:
        """Run a function that claims what it decodes, and rerun it with more memory when it needs more; on a thread,
        except for small work.

        Raises:
            Overloaded: as `acquire` of the memory.
        """
        claimed_before = self.claimed
        while True:
            try:
                result = await run_in_threadpool(function, *arguments) if on_thread else function(*arguments)
            except NoRoom:
                needed, self.claimed, on_thread = self.claimed, claimed_before, True
                await self._acquire(claimed_before, needed)
            else:
                if on_thread:
                    self.memory.heap_trimmer.schedule(self.held)
                return result

    async def _acquire(self, claimed_before: int, needed: int) -> None:
        """Acquire the bytes needed, at least twice those held, to bound the reruns. Unused bytes are released first, as
        two requests that hold some and wait for more would deadlock.
        """
        target = max(needed, min(2 * self.held, self.memory.limit))
        kept = min(claimed_before, self.held)
        self.memory.release(self.held - kept)
        self.held = kept
        await self.memory.acquire(target - kept)
        self.held = target

    def release(self) -> None:
        """Release all bytes: the decoded values are dropped, or counted elsewhere."""
        if self.held:
            self.memory.release(self.held)
            self.memory.heap_trimmer.schedule(self.held)
        self.held = self.claimed = 0
