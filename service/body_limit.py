"""Bodies on their way in: bounded in size, in time, and in what all of them hold together."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import Overloaded, Problem, SlowBody, TooLarge
from service.settings import Settings


class BodyLimit:
    """Raises where the application reads its body, so that refusals look like every other error."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._each, self._together = int(settings.max_body), int(settings.max_bodies)
        self._seconds = settings.body_seconds
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(self._announced(scope), 0, asyncio.get_running_loop().time() + self._seconds)

        async def limited() -> Message:
            self._check(body)
            message = await self._next(receive, body)
            size = len(message.get("body", b""))
            body.size += size
            self._held += size
            self._check(body)
            return message

        try:
            await self.app(scope, limited, send)
        finally:
            self._held -= body.size

    def _announced(self, scope: Scope) -> int:
        """The Content-Length, 0 when there is none that makes sense."""
        value = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        return int(value) if value.isdigit() and len(value) < 20 else 0

    async def _next(self, receive: Receive, body: _Body) -> Message:
        if body.complete:
            return await receive()  # waits for the client to hang up
        try:
            async with asyncio.timeout_at(body.deadline):
                message = await receive()
        except TimeoutError:
            raise SlowBody(f"The body did not arrive within {self._seconds:g} s.") from None
        body.complete = not message.get("more_body", False)
        return message

    def _check(self, body: _Body) -> None:
        size = max(body.announced, body.size)
        if size > self._each:
            received = f"{body.announced:,} bytes" if body.announced else f"more than {self._each:,} bytes"
            advice = "send fewer or smaller inputs, or a binary format instead of JSON"
            problem = Problem("", "the body is over its limit", f"at most {self._each:,} bytes", received, advice)
            raise TooLarge("", [problem])
        if self._held > self._together:
            raise Overloaded("The bodies of other requests fill the memory that is set aside for them.")


class _Body:
    """How much of one request's body has come."""

    def __init__(self, announced: int, size: int, deadline: float) -> None:
        self.announced, self.size, self.deadline = announced, size, deadline
        self.complete = False
