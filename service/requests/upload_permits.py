"""Limit of concurrent uploads of weights: each has a file on disk, and its numbers are checked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.errors import Overloaded
from service.access.clients import CLIENT


class UploadPermits:
    """Semaphore for uploads that are received or checked."""

    def __init__(self, limit: int) -> None:
        self._limit, self._permits = limit, asyncio.Semaphore(limit)
        self._by_client: Counter[str] = Counter()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[None]:
        """Hold a permit until the block ends; one client has at most half of them.

        Raises:
            Overloaded: all of them, or the client's, are held.
        """
        client = CLIENT.get()
        if self._permits.locked():
            raise Overloaded(f"{self._limit} uploads of weights are on their way already.")
        if self._by_client[client] >= max(1, self._limit // 2):
            raise Overloaded(f"{self._by_client[client]} uploads of weights are on their way from this client already.")
        async with self._permits:
            self._by_client[client] += 1
            try:
                yield
            finally:
                self._by_client[client] -= 1
                self._by_client += Counter()  # drops clients without any
