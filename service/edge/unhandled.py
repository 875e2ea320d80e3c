"""Replies for exceptions that nobody foresaw: like every other error, on a connection that stays open."""

from __future__ import annotations

import logging

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors.handlers import internal_error
from service.observing.records import about, named

log = logging.getLogger("layerscope")


class UnhandledErrors:
    """Stands in for the framework's own handler, which raises again and so has the connection closed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            return  # nobody is left to be answered
        except Exception as error:
            if started:  # too late for another reply: the connection is closed
                log.error("%s broke off", named(scope), exc_info=error, extra=about(scope))
                return
            await internal_error(Request(scope), error)(scope, receive, send)
