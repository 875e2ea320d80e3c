"""A binary reply, sent tensor by tensor out of the engine's memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from service.jobs import Answer
from service.wire.formats import Format
from service.wire.stream import TensorStream


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
        try:
            await super().__call__(scope, receive, send)
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
                self._views += [piece] if isinstance(piece, memoryview) else []
                yield piece
            index += 1
        yield self._stream.tail()
        self._views.clear()
        self._complete = True

    def _release(self) -> None:
        for view in reversed(self._views):
            with suppress(BufferError):  # still being written: freed when that ends
                view.release()
