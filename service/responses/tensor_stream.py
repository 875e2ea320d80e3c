"""Replies that are streamed while the engine's tensors still arrive."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import suppress
from traceback import clear_frames

from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from models.errors import ClientDisconnected
from models.ipc.messages import RunResult
from service.edge.transfer_rate import MIN_RATE, allowed_seconds
from service.engines.pending_result import PendingResult
from service.wire.format import Format, encoder_of
from service.wire.stream import Buffer, TensorStream, encode_whole

log = logging.getLogger("layerscope")

WHOLE_BYTES = 64 * 1024
"""Replies up to this are sent in one piece: they are soon complete, and a stream costs a task and two timers."""
SMALL_BYTES = 128 * 1024
"""Smaller pieces are joined: a separate write costs as much as copying them."""
PART_BYTES = 1 << 20
"""Most bytes of one write."""


class TensorResponse(StreamingResponse):
    """Streamed reply, and the pending result of its pieces: the rest of it is released when the client disconnects or
    does not read. The pieces' own views are released with them.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[Buffer, None],
        length: int | None,
        pending: PendingResult[RunResult],
        format: Format,
    ) -> None:
        self._pieces, self._pending = _released_on_error(pieces), pending
        headers = {} if length is None else {"Content-Length": str(length)}
        super().__init__(self._pieces, media_type=format.media_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's signature)
        """Starlette would watch for a disconnect in two tasks. The connection reports it to the job of this result, and
        disconnects clients that read nothing; slow clients are disconnected here.
        """
        rate_check = ReadRateCheck(send)
        try:
            await self.stream_response(rate_check.send)
        except ClientDisconnected:
            raise ClientDisconnect from None
        finally:
            self._pending.cancel()
            await self._pieces.aclose()


class ReadRateCheck:
    """Check of the rate at which a client reads a reply."""

    def __init__(self, send: Send) -> None:
        self._send, self._sent = send, 0
        self._started = asyncio.get_running_loop().time()

    async def send(self, message: Message) -> None:
        """Send a part after those before it were read.

        Raises:
            ClientDisconnect: the client reads below the minimum rate.
        """
        await self._send(message)
        elapsed = asyncio.get_running_loop().time() - self._started
        if elapsed > allowed_seconds(self._sent) and message.get("more_body", False):
            log.warning("client reads less than %d bytes per second; disconnected after %d bytes", MIN_RATE, self._sent)
            raise ClientDisconnect
        self._sent += len(message.get("body", b""))


async def binary_response(
    result: RunResult, pending: PendingResult[RunResult], format: Format, metadata: Mapping[str, str]
) -> Response:
    """Build the response with the tensors of a result in a binary format."""
    with pending.cancelled_on_error():
        stream = encoder_of(format)(result.tensors, metadata)
    return await tensor_response(stream, pending, format)


async def tensor_response(stream: TensorStream, pending: PendingResult[RunResult], format: Format) -> Response:
    """Build a response of binary tensors: a small one in one piece, others streamed as tensors arrive."""
    if stream.length <= WHOLE_BYTES:
        return Response(encode_whole(stream, await pending.all_tensors()), media_type=format.media_type)
    return TensorResponse(tensor_pieces(stream, pending), stream.length, pending, format)


async def _released_on_error(pieces: AsyncGenerator[Buffer, None]) -> AsyncGenerator[Buffer, None]:
    """Yield the pieces. If they end early, their references are dropped at once, not with the traceback."""
    try:
        async for piece in pieces:
            yield piece
    except BaseException as error:
        await pieces.aclose()
        clear_frames(error.__traceback__)
        raise


class PieceBuffer:
    """Buffer that copies small pieces, to send them together."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __bool__(self) -> bool:
        return bool(self._buffer)

    def add(self, piece: Buffer) -> bool:
        """Append a piece if it is small and the buffer is not full; return whether it was appended."""
        if len(piece) >= SMALL_BYTES or len(self._buffer) >= PART_BYTES:
            return False
        self._buffer += piece
        return True

    def take_all(self) -> bytes:
        """Return the buffered bytes and clear the buffer."""
        whole = bytes(self._buffer)
        self._buffer.clear()
        return whole


async def tensor_pieces(stream: TensorStream, pending: PendingResult[RunResult]) -> AsyncGenerator[Buffer, None]:
    """Yield the reply; tensors are sent while the next ones are copied.

    A tensor's memory is free again when its last view is dropped. After a disconnect, views would stay in tracebacks
    until a garbage collection: they are released here.
    """
    views: list[memoryview] = []
    small = PieceBuffer()
    try:
        if not small.add(head := stream.head()):
            yield head
        index = 0
        async for view in pending.tensors():
            views = [view]
            for part in (part for piece in stream.member(index, view) for part in _parts(piece)):
                if not small.add(part):
                    views += [part] if isinstance(part, memoryview) else []
                    if small:
                        yield small.take_all()
                    yield part
            index += 1
        views = []  # the last ones may still be in a socket buffer
        yield small.take_all() + stream.tail()
    finally:
        for view in reversed(views):
            with suppress(BufferError):  # still being written: released afterwards
                view.release()


def _parts(piece: Buffer) -> Iterator[Buffer]:
    """Split a piece into parts of at most PART_BYTES, without copying."""
    for start in range(0, len(piece), PART_BYTES):
        yield piece[start : start + PART_BYTES]
