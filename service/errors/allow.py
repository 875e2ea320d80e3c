"""Methods supported at a path, for the `Allow` header of a 405.

Source: RFC 9110 section 10.2.1 (Allow).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Mount

ROUTED_AS = {"GET": "GET", "HEAD": "GET", "POST": "POST", "PUT": "PUT", "DELETE": "DELETE"}
"""Supported methods, and the method under which each is routed."""


def allowed(request: Request) -> str:
    """Return the methods routed at this path, as `Allow` lists them; mounted files support reading only."""
    root = request.scope.get("app_root_path", request.scope.get("root_path", ""))  # not that of the mount

    def supports(route: BaseRoute, method: str) -> bool:
        if isinstance(route, Mount) and method != "GET":
            return False
        return route.matches({**request.scope, "method": method, "root_path": root})[0] is Match.FULL

    def is_routed(method: str) -> bool:
        return any(supports(route, method) for route in request.app.routes)

    return ", ".join(method for method, routed_as in ROUTED_AS.items() if is_routed(routed_as))
