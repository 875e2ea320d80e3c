"""How many uploads of weights there may be at once: each has a file on disk, and its numbers are looked through."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.errors import Overloaded
from service.access.clients import CLIENT


class UploadPermits:
    """The uploads that are being read or looked at, a bounded number."""

    def __init__(self, limit: int) -> None:
        self._limit, self._places = limit, asyncio.Semaphore(limit)
        self._own: Counter[str] = Counter()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place among them, until the block ends; one client has at most half of them.

        Raises:
            Overloaded: all are taken.
        """
        client = CLIENT.get()
        if self._places.locked():
            raise Overloaded(f"{self._limit} uploads of weights are on their way already.")
        if self._own[client] >= max(1, self._limit // 2):
            raise Overloaded(f"{self._own[client]} uploads of weights are on their way from this client already.")
        async with self._places:
            self._own[client] += 1
            try:
                yield
            finally:
                self._own[client] -= 1
                self._own += Counter()  # forgets who has none
