"""How many uploads of weights there may be at once: each has a file on disk, and its numbers are looked through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.errors import Overloaded


class UploadPlaces:
    """The uploads that are being read or looked at, a bounded number."""

    def __init__(self, limit: int) -> None:
        self._limit, self._places = limit, asyncio.Semaphore(limit)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place among them, until the block ends.

        Raises:
            Overloaded: all are taken.
        """
        if self._places.locked():
            raise Overloaded(f"{self._limit} uploads of weights are on their way already.")
        async with self._places:
            yield
