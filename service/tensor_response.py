"""A binary reply, sent tensor by tensor out of the engine's memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from service.jobs import Answer
from service.wire.formats import Format
from service.wire.stream import TensorStream

log = logging.getLogger("layerscope")

PART_BYTES = 1 << 20
"""What is written at once."""
SEND_SECONDS = 60.0
"""For a client to take one part; one that reads less than 17 kB/s would hold the engine's memory for hours."""


class TensorResponse(StreamingResponse):
    """Each tensor goes out while the next one is copied; the length is known from the start.

    A tensor's memory is free again when its last view is dropped. Of a client that hangs up, views stay behind in
    tracebacks until some garbage collection: they are released here.
    """

    def __init__(self, stream: TensorStream, answer: Answer, wanted: Format) -> None:
        self._stream, self._answer = stream, answer
        self._views: list[memoryview] = []
        self._complete = False
        headers = {"Content-Length": str(stream.length)}
        super().__init__(self._pieces(), media_type=wanted.media_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await send(message)
            except TimeoutError:
                log.warning("a client did not take %d bytes within %g s; hung up", PART_BYTES, SEND_SECONDS)
                raise ClientDisconnect from None

        try:
            await super().__call__(scope, receive, send_in_time)
        finally:
            if not self._complete:
                self._answer.abandon()
                self._release()

    async def _pieces(self) -> AsyncIterator[bytes | memoryview]:
        yield self._stream.head()
        index = 0
        async for view in self._answer.tensors():
            self._views = [view]
            for piece in self._stream.member(index, view):
                for part in _parts(piece):
                    self._views += [part] if isinstance(part, memoryview) else []
                    yield part
            index += 1
        yield self._stream.tail()
        self._views.clear()
        self._complete = True

    def _release(self) -> None:
        for view in reversed(self._views):
            with suppress(BufferError):  # still being written: freed when that ends
                view.release()


def _parts(piece: bytes | memoryview) -> Iterator[bytes | memoryview]:
    """A piece in parts of at most PART_BYTES, without copying."""
    for start in range(0, len(piece), PART_BYTES):
        yield piece[start : start + PART_BYTES]
