"""Results of engine requests, received incrementally."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeGuard

from models.errors import ClientDisconnected, LayerscopeError
from models.ipc.groups import parts
from models.ipc.messages import RunResult
from service.engines.engine_request import ReplyT
from service.observing.engine_trace import EngineTrace


class PendingResult(Generic[ReplyT]):
    """The reply to one engine request: a header first, then the tensors that it lists."""

    def __init__(self, reply: type[ReplyT], trace: EngineTrace | None = None) -> None:
        self._reply = reply
        self._trace = trace if trace is not None else EngineTrace()
        self.header: asyncio.Future[ReplyT] = asyncio.get_running_loop().create_future()
        self._inline: deque[memoryview] = deque()
        self._tensors: asyncio.Queue[memoryview | LayerscopeError] = asyncio.Queue()
        self._sizes: list[int] = []
        self.missing = 0
        """Tensors that have not arrived."""
        self._cancelled = False

    def accepts(self, message: object) -> TypeGuard[ReplyT]:
        """Whether a message of the engine is the header that the request asks for."""
        return isinstance(message, self._reply)

    async def tensors(self: PendingResult[RunResult]) -> AsyncIterator[memoryview]:
        """Yield the bytes of each tensor of the header, in order. Dropping a view releases its shared memory.

        Raises:
            LayerscopeError: the engine failed, or the client disconnected, before all had arrived.
        """
        header = await self.header
        for _ in header.tensors:
            yield await self._next()

    async def all_tensors(self: PendingResult[RunResult]) -> list[memoryview]:
        """Return the bytes of all tensors of the header, in order; raises as `tensors`."""
        header = await self.header
        return [await self._next() for _ in header.tensors]

    async def _next(self) -> memoryview:
        item = self._inline.popleft() if self._inline else await self._tensors.get()
        if isinstance(item, LayerscopeError):
            raise item
        return item

    def start(self, header: ReplyT, inline: Sequence[memoryview]) -> None:
        """Receive the header and the tensors inline in its message, which are not in shared memory."""
        self._sizes = [info.nbytes for info in header.tensors] if isinstance(header, RunResult) else []
        self.missing = len(self._sizes) - len(inline)
        if not self._cancelled:
            self._inline.extend(inline)
        if not self.header.done():
            self._trace.end(header)
            self.header.set_result(header)

    def add(self, view: memoryview, count: int = 1) -> None:
        """Receive the next tensors, which are contiguous in shared memory."""
        first = len(self._sizes) - self.missing
        self.missing -= count
        for part in parts(view, self._sizes[first : first + count]):
            self._put(part)

    def _put(self, view: memoryview) -> None:
        if self._cancelled:
            view.release()
        else:
            self._tensors.put_nowait(view)

    def cancel(self) -> None:
        """Release the memory of every tensor, including those still to arrive; a reader raises ClientDisconnected."""
        self._cancelled = True
        self._inline.clear()
        while not self._tensors.empty():
            item = self._tensors.get_nowait()
            if isinstance(item, memoryview):
                item.release()
        self._tensors.put_nowait(ClientDisconnected())

    @contextmanager
    def cancelled_on_error(self) -> Iterator[None]:
        """Cancel the result if the block raises."""
        try:
            yield
        except BaseException:
            self.cancel()
            raise

    def fail(self, error: LayerscopeError) -> None:
        """End the result with an error, before or after its header."""
        if self.header.done():
            self._tensors.put_nowait(error)
        else:
            self._trace.end()
            self.header.set_exception(error)
