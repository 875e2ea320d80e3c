"""Bodies on their way in: bounded in size, in time, and in what all of them hold together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import Overloaded, Problem, SlowBody, TooLarge, UnsupportedMedia, shown
from service.observing.records import BODY
from service.settings import Settings

REFUSAL = "layerscope.refusal"
"""Where the protocol of the connection says why it does not read on: an error."""
GRACE_SECONDS = 30.0
MIN_RATE = 64 * 1024
"""Bytes a second, on average after GRACE_SECONDS, of a body that may take long: else few clients hold every place."""


@dataclass
class Body:
    """How much of one request's body has come, and may come."""

    announced: int
    """Its Content-Length; 0 when there is none."""
    encoding: str
    """Its Content-Encoding; empty when it is as it is."""
    max_bytes: int
    seconds: float
    started: float
    size: int = 0
    complete: bool = False
    held: bool = True
    """Whether it is kept in memory."""
    unpacked: int = 0
    """Bytes that were made of it by decompression, and are kept beside it."""
    held_bodies: HeldBodies | None = None
    counted: int = 0
    """Bytes of it that are counted with those of all others."""

    @property
    def kept(self) -> int:
        """Bytes in memory."""
        return (self.size + self.unpacked) * self.held

    @property
    def deadline(self) -> float:
        """When its next piece has to be there, by the loop's clock."""
        kept_up = self.seconds if self.held else GRACE_SECONDS + self.size / MIN_RATE
        return self.started + min(self.seconds, kept_up)

    def update_usage(self) -> None:
        """Counts what it keeps.

        Raises:
            TooLarge: it is over its own limit.
            Overloaded: with all others it is more than may be kept.
        """
        if self.held_bodies is not None:
            self.held_bodies.nbytes += self.kept - self.counted
            self.counted = self.kept
            self.check_size()
            self.held_bodies.check(self)

    def check_encoding(self) -> None:
        """Raises UnsupportedMedia: what a body becomes when it is unpacked would be under no limit."""
        if self.encoding:
            message, expected = "compressed bodies are not read here", "a body without Content-Encoding"
            raise UnsupportedMedia("", [Problem("", message, expected, shown(self.encoding, 100), "send it as it is")])

    def check_size(self) -> None:
        """Raises TooLarge."""
        if max(self.announced, self.size) > self.max_bytes:
            received = f"{self.announced:,} bytes" if self.announced else f"more than {self.max_bytes:,} bytes"
            advice = "send fewer or smaller inputs, or a binary format instead of JSON" if self.held else None
            message = "the body is over its limit"
            raise TooLarge("", [Problem("", message, f"at most {self.max_bytes:,} bytes", received, advice)])


class HeldBodies:
    """Bytes that all bodies hold."""

    def __init__(self, limit: int) -> None:
        self._limit, self.nbytes = limit, 0

    def check(self, body: Body) -> None:
        """Raises Overloaded: they are too many for one that is kept in memory."""
        if body.held and self.nbytes > self._limit:
            raise Overloaded("The bodies of other requests fill the memory that is set aside for them.")


class BodyLimit:
    """Raises where the application reads its body, so that refusals look like every other error."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._each, self._seconds = int(settings.max_body), settings.body_seconds
        self._held_bodies = HeldBodies(int(settings.max_bodies))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        now = asyncio.get_running_loop().time()
        body = Body(_announced(scope), _encoding(scope), self._each, self._seconds, now, held_bodies=self._held_bodies)
        scope[BODY] = body

        async def limited() -> Message:
            body.check_encoding()
            body.check_size()
            message = await _next(receive, body)
            if REFUSAL in scope:
                raise scope[REFUSAL]
            body.size += len(message.get("body", b""))
            body.update_usage()
            return message

        try:
            await self.app(scope, limited, send)
        finally:
            self._held_bodies.nbytes -= body.counted


def allow_streamed_body(request: Request, max_bytes: int, seconds: float) -> None:
    """Lets the body of a request, none of which has been read, be of `max_bytes` and take `seconds` to arrive: it is
    not kept in memory.
    """
    body: Body = request.scope[BODY]
    body.max_bytes, body.seconds, body.held = max_bytes, seconds, False


def count_decompressed(request: Request, nbytes: int) -> None:
    """Counts what decompression made of a body.

    Raises:
        Overloaded: with the bodies of all requests it is more than may be kept.
    """
    body: Body = request.scope[BODY]
    body.unpacked += nbytes
    body.update_usage()


def _announced(scope: Scope) -> int:
    """The Content-Length, 0 when there is none that makes sense."""
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(value) if value.isdigit() and len(value) < 20 else 0


def _encoding(scope: Scope) -> str:
    """The Content-Encoding of a body under /v1; /v2 has rules of its own."""
    fields = [value for name, value in scope["headers"] if name == b"content-encoding"]
    if not fields or not scope["path"].startswith("/v1/"):
        return ""
    codings = b",".join(fields).decode("latin-1").lower().split(",")
    return ", ".join(filter(None, (coding.strip() for coding in codings if coding.strip() != "identity")))


async def _next(receive: Receive, body: Body) -> Message:
    if body.complete:
        return await receive()  # waits for the client to hang up
    try:
        async with asyncio.timeout_at(body.deadline):
            message = await receive()
    except TimeoutError:
        seconds = body.deadline - body.started
        raise SlowBody(f"Of the body, {body.size:,} bytes had arrived after {seconds:g} s.") from None
    body.complete = not message.get("more_body", False)
    return message
