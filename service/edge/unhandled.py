"""Responses to unhandled exceptions: problem documents, on a connection that stays open."""

from __future__ import annotations

import logging

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from service.edge.http_middleware import HttpMiddleware
from service.errors.handlers import internal_error
from service.observing.records import extra_of, label_of

log = logging.getLogger("layerscope")


class UnhandledErrors(HttpMiddleware):
    """ASGI middleware that replaces the framework's handler, which re-raises and so closes the connection."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to exceptions that nothing has handled."""
        started = False

        async def send_watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_watched)
        except ClientDisconnect:
            return  # no client is left to respond to
        except Exception as error:
            if started:  # too late for an error response: the connection is closed
                log.error("%s aborted", label_of(scope), exc_info=error, extra=extra_of(scope))
                return
            await internal_error(Request(scope), error)(scope, receive, send)
