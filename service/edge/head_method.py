"""HEAD support for every GET route.

Source: RFC 9110 section 9.3.2.
"""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from service.edge.http_middleware import HttpMiddleware
from service.errors.allow import ROUTED_AS


class HeadAsGet(HttpMiddleware):
    """ASGI middleware that handles HEAD as GET and drops the body."""

    def handle(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Handle HEAD; pass other methods on."""
        app = self._handle_head if scope["method"] == "HEAD" else self.app
        return app(scope, receive, send)

    async def _handle_head(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                return
            await send({"type": "http.response.body"})
            if message.get("more_body", False):
                raise ClientDisconnect  # discard the rest, as when a client disconnects

        inner = {**scope, "method": ROUTED_AS["HEAD"]}
        try:
            await self.app(inner, receive, send_head)
        finally:
            scope["route"] = inner.get("route")  # for the log
