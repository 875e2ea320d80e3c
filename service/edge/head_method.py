"""HEAD support for every GET route.

Source: RFC 9110 section 9.3.2.
"""

from __future__ import annotations

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from service.edge.http_middleware import HttpMiddleware
from service.errors.allow import ROUTED_AS


class HeadAsGet(HttpMiddleware):
    """ASGI middleware that handles HEAD as GET and drops the body."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle HEAD; pass other methods on."""
        if scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

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
