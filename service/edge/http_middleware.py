"""Base of ASGI middleware that handles HTTP requests only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send


class HttpMiddleware(ABC):
    """ASGI middleware; scopes of other protocols, as the lifespan, are passed on unchanged."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Return the coroutine that handles the scope; it is not awaited here, which would add a frame to each step."""
        return (self.handle if scope["type"] == "http" else self.app)(scope, receive, send)

    @abstractmethod
    def handle(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Return the coroutine that handles one request; that of the application, if nothing follows it here."""
