"""What HTTP's methods mean here: HEAD is taken wherever GET is, and a 405 lists every method of its path.

Source: RFC 9110 sections 9.3.2 (HEAD) and 10.2.1 (Allow).
"""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANSWERED_AS = {"GET": "GET", "HEAD": "GET", "POST": "POST", "PUT": "PUT", "DELETE": "DELETE"}
"""The methods, and what the routes know them as."""


class HeadAsGet:
    """Answers HEAD with the head of what GET would be answered with."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                return
            await send({"type": "http.response.body"})
            if message.get("more_body", False):
                raise ClientDisconnect  # nobody takes the rest, as when a client hangs up

        inner = {**scope, "method": ANSWERED_AS["HEAD"]}
        try:
            await self.app(inner, receive, send_head)
        finally:
            scope["route"] = inner.get("route")  # for the log


def allowed(request: Request) -> str:
    """The methods that are routed at this path, as `Allow` lists them; mounted files are read."""
    root = request.scope.get("app_root_path", request.scope.get("root_path", ""))  # not that of the files

    def takes(route: BaseRoute, method: str) -> bool:
        if isinstance(route, Mount) and method != "GET":
            return False
        return route.matches({**request.scope, "method": method, "root_path": root})[0] is Match.FULL

    def is_routed(method: str) -> bool:
        return any(takes(route, method) for route in request.app.routes)

    return ", ".join(method for method, known in ANSWERED_AS.items() if is_routed(known))
