"""A reply that is sent while the engine's tensors still come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from traceback import clear_frames

from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from models.errors import ClientDisconnected
from service.engines.jobs import PendingResult
from service.wire.formats import Format
from service.wire.stream import Buffer, TensorStream, whole

log = logging.getLogger("layerscope")

WHOLE_BYTES = 64 * 1024
"""Replies up to this are sent in one piece: nobody waits for them, and a stream costs a task and two timers."""
SMALL_BYTES = 128 * 1024
"""Smaller pieces are sent together: each one that is sent alone costs as much as copying it."""
PART_BYTES = 1 << 20
"""What is written at once."""
GRACE_SECONDS = 30.0
MIN_RATE = 64 * 1024
"""Bytes a second that a client takes on average, later: else two of them hold the memory of replies for hours."""


class TensorResponse(StreamingResponse):
    """Pieces of a reply, and the answer that they are made of: what is left of it is given back when the client hangs
    up or does not read. The pieces' own views end with them.
    """

    def __init__(
        self, pieces: AsyncGenerator[Buffer, None], length: int | None, answer: PendingResult, wanted: Format
    ) -> None:
        self._pieces, self._answer = _let_go(pieces), answer
        headers = {} if length is None else {"Content-Length": str(length)}
        super().__init__(self._pieces, media_type=wanted.media_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's signature)
        """Starlette would listen for the client's end, by two tasks. The connection tells of it the job whose answer
        this is, and hangs up on who takes nothing; who takes little is hung up on here.
        """
        pace = Pace(send)
        try:
            await self.stream_response(pace.send)
        except ClientDisconnected:
            raise ClientDisconnect from None
        finally:
            self._answer.cancel()
            await self._pieces.aclose()


class Pace:
    """How quickly a client takes a reply."""

    def __init__(self, send: Send) -> None:
        self._send, self._sent = send, 0
        self._started = asyncio.get_running_loop().time()

    async def send(self, message: Message) -> None:
        """Hands a part on, after those before it have been taken.

        Raises:
            ClientDisconnect: they took longer than anybody may.
        """
        await self._send(message)
        waited = asyncio.get_running_loop().time() - self._started
        if waited > GRACE_SECONDS + self._sent / MIN_RATE and message.get("more_body", False):
            log.warning("a client takes less than %d bytes a second; hung up after %d", MIN_RATE, self._sent)
            raise ClientDisconnect
        self._sent += len(message.get("body", b""))


async def tensor_response(stream: TensorStream, answer: PendingResult, wanted: Format) -> Response:
    """A reply of tensors as they are: what is small in one piece, all else as they come."""
    if stream.length <= WHOLE_BYTES:
        return Response(whole(stream, [view async for view in answer.tensors()]), media_type=wanted.media_type)
    return TensorResponse(tensor_pieces(stream, answer), stream.length, answer, wanted)


async def _let_go(pieces: AsyncGenerator[Buffer, None]) -> AsyncGenerator[Buffer, None]:
    """The pieces. What they hold when they end early is dropped at once, not when somebody drops the traceback."""
    try:
        async for piece in pieces:
            yield piece
    except BaseException as error:
        await pieces.aclose()
        clear_frames(error.__traceback__)
        raise


class Gathered:
    """Small pieces on their way, copied, so that they go out together."""

    def __init__(self) -> None:
        self._text = bytearray()

    def __bool__(self) -> bool:
        return bool(self._text)

    def takes(self, piece: Buffer) -> bool:
        """Whether a piece is small enough to wait for others, of which there are not too many yet."""
        if len(piece) >= SMALL_BYTES or len(self._text) >= PART_BYTES:
            return False
        self._text += piece
        return True

    def together(self) -> bytes:
        """All of them; none are left."""
        whole = bytes(self._text)
        self._text.clear()
        return whole


async def tensor_pieces(stream: TensorStream, answer: PendingResult) -> AsyncGenerator[Buffer, None]:
    """Tensors go out while the next ones are copied.

    A tensor's memory is free again when its last view is dropped. Of a client that hangs up, views stay behind in
    tracebacks until some garbage collection: they are released here.
    """
    views: list[memoryview] = []
    small = Gathered()
    try:
        if not small.takes(head := stream.head()):
            yield head
        index = 0
        async for view in answer.tensors():
            views = [view]
            for part in (part for piece in stream.member(index, view) for part in _parts(piece)):
                if not small.takes(part):
                    views += [part] if isinstance(part, memoryview) else []
                    if small:
                        yield small.together()
                    yield part
            index += 1
        views = []  # the last ones may still be in a socket's buffer
        yield small.together() + stream.tail()
    finally:
        for view in reversed(views):
            with suppress(BufferError):  # still being written: freed when that ends
                view.release()


def _parts(piece: Buffer) -> Iterator[Buffer]:
    """A piece in parts of at most PART_BYTES, without copying."""
    for start in range(0, len(piece), PART_BYTES):
        yield piece[start : start + PART_BYTES]
