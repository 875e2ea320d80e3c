"""Shared memory of replies: counted by the client that reads it, and released when its last view is dropped."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable

import numpy as np

from models.ipc.arena import Span
from models.ipc.messages import Release


class ReplyMemory:
    """Spans of replies that clients have not read yet; `send` writes a message to the engine."""

    def __init__(self, send: Callable[[Release], None]) -> None:
        self.held: dict[str, int] = {}
        """Bytes by client."""
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._dropped: deque[tuple[Span, str]] = deque()
        """Spans to release, each with the client that has read it."""
        self._is_release_scheduled = False

    def lend(self, memory: memoryview, span: Span, client: str) -> memoryview:
        """Return a read-only view of a span's memory, and count the span until all views of it are dropped."""
        holder = np.frombuffer(memory, np.uint8)
        holder.flags.writeable = False
        self.held[client] = self.held.get(client, 0) + span.nbytes
        weakref.finalize(holder, self._return, span, client).atexit = False
        return holder.data

    def _return(self, span: Span, client: str) -> None:
        """Schedule the release of a span, on the thread that drops its last view. Spans are released in batches."""
        self._dropped.append((span, client))
        if not (self._is_release_scheduled or self._loop.is_closed()):
            self._is_release_scheduled = True
            self._loop.call_soon_threadsafe(self._release_dropped)

    def _release_dropped(self) -> None:
        self._is_release_scheduled = False  # first: spans that other threads drop from here on need another call
        dropped = [self._dropped.popleft() for _ in range(len(self._dropped))]
        for span, client in dropped:
            self.held[client] -= span.nbytes
            if not self.held[client]:
                del self.held[client]
        if dropped:
            self._send(Release(tuple(span for span, _ in dropped)))
