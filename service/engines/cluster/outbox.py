"""Messages of an actor that the front has not fetched yet."""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec
import numpy as np

from service.engines.cluster.messages import Batch, encode

BATCH_BYTES = 8 << 20
"""A batch ends with the message that makes its arrays this large: one is fetched while the next is put there."""
NOTHING = np.empty(0, np.uint8)


class Outbox:
    """Queue of messages, each with the array of the span in it, if there is one."""

    def __init__(self) -> None:
        self._messages: deque[tuple[bytes, np.ndarray]] = deque()
        self._has_some = asyncio.Event()
        self._turn = asyncio.Lock()
        self._number = 0

    def add(self, message: msgspec.Struct, array: np.ndarray = NOTHING) -> None:
        """Add a message."""
        self._messages.append((encode(message), array))
        self._has_some.set()

    async def next_batch(self, resident_bytes: int) -> Batch:
        """Wait for messages, and return them; several that wait take turns."""
        async with self._turn:
            await self._has_some.wait()
            batch = self._take(resident_bytes)
            if not self._messages:
                self._has_some.clear()
            return batch

    def _take(self, resident_bytes: int) -> Batch:
        messages, arrays, nbytes = [], [], 0
        while self._messages and nbytes < BATCH_BYTES:
            message, array = self._messages.popleft()
            messages.append(message)
            if array.size:
                arrays.append(array)
                nbytes += array.nbytes
        self._number += 1
        return Batch(self._number - 1, resident_bytes, tuple(messages), tuple(arrays))
