"""Limits on request bodies: size, time, and total memory."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import Overloaded, SlowBody, TooLarge
from service.access.arrivals import Arrival, arrival_of
from service.edge.http_middleware import HttpMiddleware
from service.edge.transfer_rate import allowed_seconds
from service.observing.records import BODY
from service.settings import Settings

REFUSAL = "layerscope.refusal"
"""Scope key of the error for which the connection's protocol stopped reading."""


@dataclass
class Body:
    """State and limits of one request's body."""

    content_length: int
    """Content-Length; 0 if absent."""
    max_bytes: int
    seconds: float
    started: float
    size: int = 0
    complete: bool = False
    received: float = 0.0
    """When its end was read, by the clock of records; 0 until then."""
    in_memory: bool = True
    """Whether it is held in memory."""
    decompressed: int = 0
    """Bytes after decompression, held in addition."""
    held_bodies: HeldBodies | None = None
    counted: int = 0
    """Its share of `held_bodies.nbytes`."""

    @property
    def held_bytes(self) -> int:
        """Bytes in memory."""
        return (self.size + self.decompressed) * self.in_memory

    @property
    def deadline(self) -> float:
        """When its next chunk is due, by the loop's clock."""
        allowed = self.seconds if self.in_memory else allowed_seconds(self.size)
        return self.started + min(self.seconds, allowed)

    def update_usage(self) -> None:
        """Update the total of held bytes.

        Raises:
            TooLarge: it is over its own limit.
            Overloaded: all bodies together are over the memory limit.
        """
        if self.held_bodies is not None:
            self.held_bodies.nbytes += self.held_bytes - self.counted
            self.counted = self.held_bytes
            self.check_size()
            self.held_bodies.check(self)

    def check_size(self) -> None:
        """Raise TooLarge if the body is over its limit."""
        if max(self.content_length, self.size, self.decompressed) > self.max_bytes:
            length = max(self.content_length, self.decompressed)
            received = f"{length:,} bytes" if length > self.max_bytes else f"more than {self.max_bytes:,} bytes"
            advice = "send fewer or smaller inputs, or a binary format instead of JSON" if self.in_memory else None
            message = "the body is over its limit"
            raise TooLarge.at(
                "", message, expected=f"at most {self.max_bytes:,} bytes", received=received, suggestion=advice
            )


class HeldBodies:
    """Bytes that all bodies hold in memory."""

    def __init__(self, limit: int) -> None:
        self._limit, self.nbytes = limit, 0

    def check(self, body: Body) -> None:
        """Raise Overloaded if they are over the limit and this body is held in memory."""
        if body.in_memory and self.nbytes > self._limit:
            raise Overloaded("The bodies of other requests fill the memory that is set aside for them.")


class BodyLimit(HttpMiddleware):
    """ASGI middleware whose limits raise where the application reads the body, to be handled like any other error."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(app)
        self._max_bytes, self._seconds = int(settings.max_body), settings.body_seconds
        self._held_bodies = HeldBodies(int(settings.max_bodies))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Limit the body of a request."""
        now = asyncio.get_running_loop().time()
        body = Body(content_length(scope), self._max_bytes, self._seconds, now, held_bodies=self._held_bodies)
        scope[BODY], arrival = body, arrival_of(scope)

        async def limited() -> Message:
            body.check_size()
            message = await _next(receive, body, arrival)
            if REFUSAL in scope:
                raise scope[REFUSAL]
            body.size += len(message.get("body", b""))
            if not (body.received or message.get("more_body", False)):
                body.received = time.perf_counter()
            body.update_usage()
            return message

        try:
            await self.app(scope, limited, send)
        finally:
            self._held_bodies.nbytes -= body.counted


def allow_streamed_body(request: Request, max_bytes: int, seconds: float) -> None:
    """Allow the unread body of a request, not held in memory, up to `max_bytes` and `seconds`."""
    body: Body = request.scope[BODY]
    body.max_bytes, body.seconds, body.in_memory = max_bytes, seconds, False


def count_decompressed(request: Request, nbytes: int) -> None:
    """Count the decompressed bytes of a body.

    Raises:
        Overloaded: all bodies together are over the memory limit.
    """
    body: Body = request.scope[BODY]
    body.decompressed += nbytes
    body.update_usage()


def content_length(scope: Scope) -> int:
    """Return the Content-Length; 0 if it is absent or malformed."""
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(value) if value.isdigit() and len(value) < 20 else 0


async def _next(receive: Receive, body: Body, arrival: Arrival | None) -> Message:
    """Receive the next chunk before its deadline. A complete body needs no timer, nor does waiting for the client to
    disconnect after it.
    """
    if body.complete or (arrival is not None and arrival.is_received):
        return await receive()
    try:
        async with asyncio.timeout_at(body.deadline):
            message = await receive()
    except TimeoutError:
        seconds = body.deadline - body.started
        raise SlowBody(f"Of the body, {body.size:,} bytes had arrived after {seconds:g} s.") from None
    body.complete = not message.get("more_body", False)
    return message
